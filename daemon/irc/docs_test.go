package irc

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCausesAreDocumented: every code has a row with its waits.
func TestCausesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/irc.md")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), "cause.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	waits := map[backoff]string{shortWait: "1 s to 5 min", someWait: "10 s to 10 min", longWait: "10 min to 2 h"}
	seen := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Cause") {
			return true
		}
		lit := spec.Values[0].(*ast.BasicLit)
		code, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		_, row, found := strings.Cut(string(text), "\n| `"+code+"` |")
		row, _, _ = strings.Cut(row, "\n")
		wait := waits[backoffOf(Cause(code))]
		switch Cause(code) {
		case CauseNickInUse:
			wait = "10 s, again"
		case CauseRoomMuted:
			wait = "none"
		}
		if !found || !strings.Contains(row, "| "+wait) {
			t.Errorf("no row of %q with wait %q", code, wait)
		}
		return true
	})
	if seen < 20 {
		t.Errorf("only %d codes were looked for", seen)
	}
	if shortWait.wait(100) != 5*time.Minute || longWait.wait(1) != 20*time.Minute {
		t.Error("waits do not double up to their bound")
	}
}
