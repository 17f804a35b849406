package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// TestDaemonKilled: joinmarketd is killed during a maker's life and started
// again. The maker comes back by itself, under another nick, and a CoinJoin is
// made with it.
func TestDaemonKilled(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	m := newMarket(t, regtest.BTCD)
	taker, alice, bob := m.join("taker", true), m.join("alice", true), m.join("bob", true)
	m.fund(taker, btc/2)
	m.fund(alice, btc)
	m.fund(bob, btc)
	m.mine(6)

	nicks := func() map[string]bool {
		var book struct{ Offers []struct{ Nick string } }
		decode(t, taker.jm("orderbook", "--wait", "4s"), &book)
		found := make(map[string]bool)
		for _, o := range book.Offers {
			found[o.Nick] = true
		}
		return found
	}
	taker.joinmarketd()
	daemon := alice.joinmarketd()
	bob.joinmarketd()
	maker := start(t, alice.command("yieldgenerator"))
	maker.line(`"event":"announced"`)
	other := start(t, bob.command("yieldgenerator"))
	other.line(`"event":"announced"`)
	before := nicks()
	if len(before) != 2 {
		t.Fatalf("makers %v", before)
	}

	daemon.kill()
	alice.joinmarketd()
	maker.line(`"event":"lost"`)
	maker.line(`"event":"announced"`)
	after := nicks()
	for limit := time.Now().Add(deadline); ; after = nicks() { // until the server has noticed who is gone
		fresh := 0
		for nick := range after {
			if !before[nick] {
				fresh++
			}
		}
		if fresh == 1 && len(after) == 2 {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("makers %v before, %v after", before, after)
		}
	}
	var to struct{ Address string }
	decode(t, taker.jm("wallet", "address", "-m", "3"), &to)
	var result struct{ TxID string }
	if err := json.Unmarshal(taker.jm("sendpayment", "0.1", to.Address, "-N", "2", "--yes"), &result); err != nil || result.TxID == "" {
		t.Errorf("%+v, %v", result, err)
	}
	maker.line(`"event":"signed"`, result.TxID)
}

// kill ends a program as a power cut would.
func (p *process) kill() {
	p.t.Helper()
	p.cmd.Process.Kill()
	<-p.ended
}
