package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/config"
)

// loggedMessages are those of the calls of a logger in the program's own
// packages, by level; "..." stands for what is no constant.
func loggedMessages(t *testing.T) map[string]map[string]bool {
	t.Helper()
	levels := map[string]string{"Debug": "DEBUG", "Info": "INFO", "Warn": "WARN", "Error": "ERROR"}
	messages := map[string]map[string]bool{"DEBUG": {}, "INFO": {}, "WARN": {}, "ERROR": {}}
	look := func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || levels[f.Sel.Name] == "" {
			return true
		}
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "http" {
			return true // http.Error
		}
		messages[levels[f.Sel.Name]][constant(call.Args[0])] = true
		return true
	}
	for _, root := range []string{".", "../../daemon", "../../protocol/control", "../../internal/logs", "../../internal/sdnotify"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir() && e.Name() == "daemontest":
				return fs.SkipDir
			case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, look)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return messages
}

// constant is the text of an expression.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
	case *ast.BinaryExpr:
		return constant(e.X) + constant(e.Y)
	case *ast.SelectorExpr:
		if e.Sel.Name == "FileName" {
			return config.FileName
		}
	}
	return "..."
}

// TestOperatorsKnowTheLog: docs/operations.md says what to do about every line
// of the log that is a warning or an error, and about none that is not logged.
func TestOperatorsKnowTheLog(t *testing.T) {
	logged := loggedMessages(t)
	if len(logged["WARN"]) < 10 || len(logged["ERROR"]) < 5 {
		t.Fatalf("found only %v", logged)
	}
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]map[string]bool{"INFO": {}, "WARN": {}, "ERROR": {}}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\| (INFO|WARN|ERROR) \\| [^|]+ \\|$").FindAllStringSubmatch(string(doc), -1) {
		for _, m := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(row[1], -1) {
			told[row[2]][m[1]] = true
		}
	}
	for level, messages := range told {
		for _, m := range slices.Sorted(maps.Keys(messages)) {
			if !logged[level][m] {
				t.Errorf("a row for %s %q, which is not logged", level, m)
			}
		}
		for _, m := range slices.Sorted(maps.Keys(logged[level])) {
			if level != "INFO" && !messages[m] {
				t.Errorf("no row for %s %q", level, m)
			}
		}
	}
}

// TestD8CausesAreConstant: the log is capped by message, so that no message may
// have anything of a peer in it.
func TestD8CausesAreConstant(t *testing.T) {
	found := 0
	for level, messages := range loggedMessages(t) {
		for m := range messages {
			found++
			if own := m == config.FileName+": ..."; strings.Contains(m, "...") && !own { // of the operator's own file
				t.Errorf("%s %q is no constant", level, m)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d messages", found)
	}
}
