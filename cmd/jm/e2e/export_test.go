package e2e

import (
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// TestExportToBitcoinCore: importdescriptors takes what jm wallet export prints
// as it is, and Bitcoin Core then sees the same balance.
func TestExportToBitcoinCore(t *testing.T) {
	m := newMarket(t, regtest.Bitcoind)
	p := m.join("owner", false)
	m.fund(p, 1_000_000, 300_000)
	m.mine(1)
	var exported struct {
		Descriptors []map[string]any
	}
	decode(t, p.jm("wallet", "export"), &exported)

	core := m.node.Client().Wallet("exported")
	ask := func(method string, result any, params ...any) {
		t.Helper()
		if err := core.Call(m.ctx, method, params, result); err != nil {
			t.Fatal(err)
		}
	}
	watchOnly, blank := true, true
	ask("createwallet", nil, "exported", watchOnly, blank)
	var results []struct {
		Success bool
		Error   any
	}
	ask("importdescriptors", &results, exported.Descriptors)
	for i, r := range results {
		if !r.Success {
			t.Errorf("%v: %v", exported.Descriptors[i], r.Error)
		}
	}
	var balances struct{ Mine struct{ Trusted rpc.BTC } }
	ask("getbalances", &balances)
	if got := balances.Mine.Trusted; len(results) != 10 || got != 1_300_000 {
		t.Errorf("with %d descriptors Bitcoin Core sees %v", len(results), got)
	}
}
