package importrules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository.
const root = "../.."

// sources parses the Go files of the repository that are not tests, by their
// path.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := make(map[string]*ast.File)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "testdata" || e.Name() == "bin" || strings.HasPrefix(e.Name(), ".") && path != root):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files[filepath.ToSlash(name)] = f
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 200 {
		t.Fatalf("only %d files", len(files))
	}
	return files
}

// TestD12NoWeakRandomness: nothing but tests imports a generator that can be
// predicted.
func TestD12NoWeakRandomness(t *testing.T) {
	for name, file := range sources(t) {
		for _, i := range file.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if path == "math/rand" || path == "math/rand/v2" || strings.HasPrefix(path, "golang.org/x/exp/rand") {
				t.Errorf("%s imports %s; use internal/random", name, path)
			}
		}
	}
}

// writers are the functions of package os that change the disk.
var writers = []string{
	"Chmod", "Create", "CreateTemp", "Link", "Mkdir", "MkdirAll", "MkdirTemp", "OpenFile",
	"Remove", "RemoveAll", "Rename", "Symlink", "Truncate", "WriteFile",
}

// mayWrite are the files, or folders, that write by other means than package
// durable, and why.
var mayWrite = map[string]string{
	"internal/durable/":       "is the other means",
	"daemon/control/":         "sockets and cookies, which are void after a crash",
	"wallet/chain/neutrino/":  "block headers in a database with a journal of its own; they can be had again",
	"internal/logs/":          "logs may lose their last lines",
	"internal/regtest/":       "for tests and the playground",
	"internal/soak/":          "for tests",
	"cmd/jm/playground.go":    "the playground",
	"cmd/jm/internal/":        "the playground",
	"daemon/daemontest/":      "for tests",
	"daemon/tor/tortest/":     "for tests",
	"wallet/chain/chaintest/": "for tests",
}

// TestW2WritesAreDurable: whatever writes goes through package durable, where
// tests make each operation fail.
func TestW2WritesAreDurable(t *testing.T) {
	for name, file := range sources(t) {
		allowed := false
		for prefix := range mayWrite {
			allowed = allowed || strings.HasPrefix(name, prefix)
		}
		if allowed {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "os" && slices.Contains(writers, s.Sel.Name) {
				t.Errorf("%s calls os.%s; use package durable", name, s.Sel.Name)
			}
			return true
		})
	}
}
