package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// reasons are all codes that package protocol declares.
func reasons(t *testing.T) []protocol.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../protocol/reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []protocol.Reason
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, protocol.Reason(text))
			}
		}
		return true
	})
	if len(all) < 30 {
		t.Fatalf("only %d reasons found", len(all))
	}
	return all
}

// Every reason stands in the document, with the advice that jm gives.
func TestReasonsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	for _, r := range reasons(t) {
		if !strings.Contains(doc, "| `"+string(r)+"` |") {
			t.Errorf("docs/reasons.md does not explain %s", r)
		}
	}
	for r, text := range advice {
		if !strings.Contains(doc, "| `"+string(r)+"` | "+text+" |") {
			t.Errorf("docs/reasons.md gives other advice for %s; jm says:\n%s", r, text)
		}
	}
}
