package importrules

import (
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// reaches has every package that can open a connection or have a name looked up,
// of those that may know an address or a coin, and whom it reaches by that. The
// daemon and the protocol know of neither.
var reaches = map[string]string{
	"client/control":         "the daemon, where the configuration says",
	"cmd/jm":                 "a playground's own socket",
	"wallet/chain/btcd":      "the node of the configuration",
	"wallet/chain/rpc":       "the node of the configuration",
	"wallet/chain/neutrino":  "peers, through the proxy if there is one; its tests look at what they are told",
	"internal/regtest":       "a node for tests and the playground",
	"internal/sdnotify":      "systemd's socket",
	"internal/soak":          "a daemon and a server that it started itself",
	"wallet/chain/chaintest": "nodes for tests",
}

// connecting are the words by which Go's libraries connect and look names up.
var connecting = map[string][]string{
	"net": {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "DefaultResolver", "Resolver", "LookupAddr",
		"LookupCNAME", "LookupHost", "LookupIP", "LookupMX", "LookupNS", "LookupPort", "LookupSRV", "LookupTXT",
		"ResolveIPAddr", "ResolveTCPAddr", "ResolveUDPAddr"},
	"tls":   {"Dial", "DialWithDialer", "Dialer"},
	"http":  {"Client", "DefaultClient", "DefaultTransport", "Transport", "Get", "Head", "Post", "PostForm"},
	"proxy": {"SOCKS5", "FromURL", "FromEnvironment", "Dial", "Direct"},
}

// TestP7WhoIsAsked: no server for fees, blocks, prices or versions learns what a
// wallet is interested in, because whatever knows an address can reach the node of
// the configuration, the peers of a light client, and nobody else.
func TestP7WhoIsAsked(t *testing.T) {
	found := map[string]bool{}
	for name, file := range sources(t) {
		folder := path.Dir(name)
		if below(folder, "daemon") || below(folder, "protocol") || below(folder, "cmd/joinmarketd") || below(folder, "examples") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := call.X.(*ast.Ident); ok && slices.Contains(connecting[pkg.Name], call.Sel.Name) {
				found[folder] = true
				if reaches[folder] == "" {
					t.Errorf("%s uses %s.%s: who learns what by it? See docs/nodes.md", name, pkg.Name, call.Sel.Name)
				}
			}
			return true
		})
	}
	for _, folder := range []string{"wallet/chain/rpc", "wallet/chain/neutrino", "client/control"} {
		if !found[folder] {
			t.Errorf("%s is not seen to connect; seen are %s", folder, strings.Join(slices.Sorted(maps.Keys(found)), ", "))
		}
	}
}
