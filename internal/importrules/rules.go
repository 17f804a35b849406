// Package importrules says which package may lead to which, and finds the
// imports that break it. Its test runs over the whole repository.
//
// Imports point one way:
//
//	protocol <- daemon            protocol <- client            wallet <- client
//	daemon   <- client/inprocess  (the only edge from client to daemon)
//	daemon, client, wallet <- cmd (joinmarketd takes of client only what reaches a daemon)
//
// What a package leads to counts, not only what it names: importing a package
// that breaks a rule breaks it too. So the rules say what a part of the program
// can do at all. A daemon that leads to no Bitcoin code has nothing to sign
// with; a wallet that leads to no protocol can be read without the network.
package importrules

import (
	"fmt"
	"slices"
	"strings"
)

// Module is the path that our packages begin with.
const Module = "github.com/joinmarket-go/joinmarket"

// Rule bounds what the packages below a folder may lead to.
type Rule struct {
	Folder string   // of our packages
	May    []string // folders of ours; empty means all
	Never  []string // import paths of others, with all below them
}

// Bitcoin is the code that can do something with coins or their keys.
var Bitcoin = []string{
	"github.com/btcsuite",
	"github.com/decred",
	"github.com/tyler-smith/go-bip39",
}

// Rules are the rules of the repository. Of several folders that contain a
// package the longest counts; what is below none may lead anywhere.
var Rules = []Rule{
	{Folder: "protocol", May: []string{"protocol", "internal"}, Never: Bitcoin},
	{Folder: "daemon", May: []string{"daemon", "protocol", "internal"}, Never: Bitcoin},
	{Folder: "cmd/joinmarketd", May: []string{"cmd/joinmarketd", "daemon", "client/control", "protocol", "internal"}, Never: Bitcoin},
	{Folder: "wallet", May: []string{"wallet", "protocol/sats", "internal"}},
	{Folder: "client", May: []string{"client", "wallet", "protocol", "internal"}},
	{Folder: "client/inprocess", May: []string{"client/inprocess", "daemon", "protocol", "internal"}, Never: Bitcoin},
	{Folder: "internal", May: []string{"internal", "protocol", "wallet"}},
	{Folder: "internal/soak", May: []string{"internal/soak", "client/control", "daemon/daemontest", "protocol", "internal"}, Never: Bitcoin},
}

// Graph has the imports of every package, by import path.
type Graph map[string][]string

// Violations lists, sorted, every chain of imports by which a package of ours
// leads where it may not: "a -> b -> c: why". Of several chains to one package
// it names a shortest.
func (g Graph) Violations(rules []Rule) []string {
	var found []string
	for pkg := range g {
		folder, ok := ours(pkg)
		if !ok {
			continue
		}
		rule, ok := ruleFor(rules, folder)
		if !ok {
			continue
		}
		g.walk(pkg, func(to string, chain []string) {
			if why := rule.forbids(to); why != "" {
				found = append(found, strings.Join(chain, " -> ")+": "+why)
			}
		})
	}
	slices.Sort(found)
	return found
}

// walk visits everything that pkg leads to, nearest first, each with a chain of
// imports from pkg to it. It does not look behind what it visits in the standard
// library.
func (g Graph) walk(pkg string, visit func(to string, chain []string)) {
	seen := map[string]bool{pkg: true}
	for queue := [][]string{{pkg}}; len(queue) > 0; queue = queue[1:] {
		chain := queue[0]
		for _, to := range g[chain[len(chain)-1]] {
			if seen[to] || !strings.Contains(to, ".") {
				continue
			}
			seen[to] = true
			next := append(slices.Clone(chain), to)
			visit(to, next)
			queue = append(queue, next)
		}
	}
}

// forbids tells why a package may not be reached, or "" if it may.
func (r Rule) forbids(to string) string {
	for _, path := range r.Never {
		if below(to, path) {
			return fmt.Sprintf("%s must not link %s", r.Folder, path)
		}
	}
	folder, ok := ours(to)
	if !ok || len(r.May) == 0 || slices.ContainsFunc(r.May, func(may string) bool { return below(folder, may) }) {
		return ""
	}
	return fmt.Sprintf("%s may lead to %s only", r.Folder, strings.Join(r.May, ", "))
}

func ruleFor(rules []Rule, folder string) (best Rule, ok bool) {
	for _, r := range rules {
		if below(folder, r.Folder) && (!ok || len(r.Folder) > len(best.Folder)) {
			best, ok = r, true
		}
	}
	return best, ok
}

// ours returns the folder of a package of ours.
func ours(pkg string) (folder string, ok bool) {
	return strings.CutPrefix(pkg, Module+"/")
}

// below reports whether path is parent or inside of it.
func below(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}
