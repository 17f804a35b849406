package daemon

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestD6LimitsIgnoreTheClock: time.Now counts on when the clock of the machine
// is set, and so does all that waits and limits here, as long as a time does not
// become a number or a date. Only what is shown to people does.
func TestD6LimitsIgnoreTheClock(t *testing.T) {
	shown := map[string]bool{"status.go": true, "start.go": true, filepath.Join("directory", "status.go"): true, filepath.Join("irc", "report.go"): true, filepath.Join("onion", "report.go"): true}
	dates := []string{"Unix", "UnixNano", "UnixMicro", "UnixMilli", "UTC", "Local", "In", "Date", "Clock", "Parse", "ParseInLocation"}
	found := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "daemontest":
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		timed := slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"time"` })
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !timed && !shown[path] {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(dates, f.Sel.Name) {
				if x, ok := f.X.(*ast.Ident); ok && x.Name != "time" && f.Sel.Name == "Parse" {
					return true // of another package
				}
				found[path] = true
				if !shown[path] {
					t.Errorf("%s: %s makes a date of a time", files.Position(call.Pos()), f.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < len(shown) {
		t.Errorf("found only %v", found)
	}
}
