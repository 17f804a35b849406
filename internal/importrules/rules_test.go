package importrules

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repository lists the imports of all packages and of what they lead to, as the
// go command knows them. Tests of packages are not in it.
func repository(t *testing.T) Graph {
	t.Helper()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-e", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir = filepath.Clean(strings.TrimSpace(string(root)))
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	g := Graph{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 0 {
			g[f[0]] = f[1:]
		}
	}
	return g
}

// TestImports fails with the chain of every import that breaks a rule.
func TestImports(t *testing.T) {
	g := repository(t)
	for _, pkg := range []string{"protocol/line", "daemon", "wallet", "internal/importrules"} {
		if _, ok := g[Module+"/"+pkg]; !ok {
			t.Errorf("go list does not name %s", pkg)
		}
	}
	for _, v := range g.Violations(Rules) {
		t.Error(strings.ReplaceAll(v, Module+"/", ""))
	}
}

// TestEveryPackageIsDescribed: the table of packages in docs/architecture.md
// names each.
func TestEveryPackageIsDescribed(t *testing.T) {
	doc, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "| Package | One idea |")
	named := map[string]bool{}
	for row := range strings.Lines(table) {
		if !strings.HasPrefix(row, "| `") {
			continue
		}
		names, _, _ := strings.Cut(row[2:], " | ")
		for name := range strings.SplitSeq(names, ", ") {
			named[Module+"/"+strings.Trim(name, "`")] = true
		}
	}
	for pkg := range repository(t) {
		if below(pkg, Module) && !named[pkg] {
			t.Errorf("docs/architecture.md does not describe %s", pkg)
		}
	}
}

// TestRulesSeeWhatThereIs: what the rules speak of exists, so that no rule is
// empty because a folder or module has another name.
func TestRulesSeeWhatThereIs(t *testing.T) {
	g := repository(t)
	has := func(parent string) bool {
		for pkg := range g {
			if below(pkg, parent) {
				return true
			}
		}
		return false
	}
	for _, r := range Rules {
		if !has(Module + "/" + r.Folder) {
			t.Errorf("no package below %s", r.Folder)
		}
	}
	for _, path := range Bitcoin {
		if !has(path) {
			t.Errorf("nothing in the repository links %s", path)
		}
	}
	signs := false
	g.walk(Module+"/wallet", func(to string, _ []string) { signs = signs || slices.Contains(Bitcoin[:1], to[:min(len(to), 19)]) })
	if !signs {
		t.Error("not even the wallet is seen to link Bitcoin code")
	}
}

func TestViolations(t *testing.T) {
	p := func(folder string) string { return Module + "/" + folder }
	good := Graph{
		p("protocol"):         {"strings", p("protocol/sats")},
		p("protocol/sats"):    {"fmt"},
		p("daemon"):           {p("protocol"), p("internal/random"), "golang.org/x/crypto/nacl/box"},
		p("wallet"):           {p("protocol/sats"), "github.com/btcsuite/btcd/btcec/v2"},
		p("client"):           {p("wallet"), p("protocol")},
		p("client/inprocess"): {p("daemon")},
		p("cmd/jm"):           {p("client"), p("client/inprocess"), p("wallet"), p("daemon")},
		p("cmd/joinmarketd"):  {p("daemon")},
	}
	if v := good.Violations(Rules); len(v) != 0 {
		t.Errorf("violations of a sound graph: %q", v)
	}
	for _, c := range []struct{ from, to, want string }{
		{"protocol", p("daemon"), "protocol -> daemon: "},
		{"protocol/sats", "github.com/btcsuite/btcd/wire/v2", "daemon -> protocol -> protocol/sats -> github.com/btcsuite/btcd/wire/v2: daemon must not link github.com/btcsuite"},
		{"daemon", "github.com/decred/dcrd/dcrec/secp256k1/v4", "cmd/joinmarketd -> daemon -> github.com/decred/dcrd/dcrec/secp256k1/v4: "},
		{"daemon", p("wallet"), "daemon -> wallet: "},
		{"internal/random", p("wallet"), "daemon -> internal/random -> wallet: "},
		{"wallet", p("protocol"), "wallet -> protocol: "},
		{"wallet", p("client"), "wallet -> client: "},
		{"client", p("daemon"), "client -> daemon: "},
		{"client", p("client/inprocess"), "client -> client/inprocess -> daemon: "},
		{"internal/random", p("client"), "internal/random -> client: "},
		{"cmd/joinmarketd", p("cmd/jm"), "cmd/joinmarketd -> cmd/jm: "},
	} {
		bad := Graph{}
		for pkg, imports := range good {
			bad[pkg] = imports
		}
		bad[p(c.from)] = append(slices.Clone(bad[p(c.from)]), c.to)
		v := bad.Violations(Rules)
		if !slices.ContainsFunc(v, func(v string) bool {
			return strings.HasPrefix(strings.ReplaceAll(v, Module+"/", ""), c.want)
		}) {
			t.Errorf("%s -> %s: %q lacks %q", c.from, c.to, v, c.want)
		}
	}
}
