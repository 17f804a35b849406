package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
)

// What was known of a wallet is shown without the node, and said to be old;
// what was never known is not shown as zero.
func TestD5LastKnownState(t *testing.T) {
	node := chainLines("btcd", "regtest", chaintest.StartBTCD(t))
	p := alone(t, node)
	p.expect(5, []string{"nothing is known", "--offline"}, "wallet", "show", "--offline")
	var shown struct {
		Height int32
		Synced bool
	}
	decode(t, p.jm("wallet", "show"), &shown)
	if !shown.Synced {
		t.Errorf("%+v with a node", shown)
	}
	height := shown.Height
	old := func(text string, args ...string) {
		t.Helper()
		shown.Synced = true
		out, talk, code := p.try(args...)
		decode(t, out, &shown)
		if code != 0 || shown.Synced || shown.Height != height || !strings.Contains(talk, text) {
			t.Errorf("%v: status %d, %+v, talk %q", args, code, shown, talk)
		}
	}
	old("", "wallet", "show", "--offline")
	path := filepath.Join(p.dir, "joinmarket.cfg")
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p.write("joinmarket.cfg", strings.Replace(string(config), node, nobody+"rpc_user = u\nrpc_password = p\n", 1))
	old("last known state", "wallet", "show")
}
