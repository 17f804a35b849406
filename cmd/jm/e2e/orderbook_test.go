package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// TestT14BondInTheMarket: a bond that was made, paid and announced weighs in the
// choice of another wallet, whose own node has seen it; without that node it is
// worth nothing.
func TestT14BondInTheMarket(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	m := newMarket(t, regtest.Bitcoind)
	taker, alice, bob := m.join("taker", false), m.join("alice", false), m.join("bob", false)
	month := time.Now().UTC().AddDate(3, 0, 0).Format("2006-01")
	var bond struct{ Address string }
	decode(t, alice.jm("bond", "create", month), &bond)
	m.fund(taker, btc/2, btc/4)
	m.fund(alice, btc, btc/5)
	m.fund(bob, btc)
	m.mine(1)
	alice.spend("wallet", "send", "--sweep", bond.Address, "--coin", alice.coin(btc/5))
	m.mine(6)
	own := alice.bonds("default").Bonds[0]
	for _, p := range []*participant{alice, bob} {
		start(t, p.command("yieldgenerator")).line(`"event":"announced"`)
	}

	type view struct {
		Unverified string `json:"bonds_unverified"`
		Bonds      []struct{ Nick string }
		Makers     []struct {
			Nick          string
			Value         float64 `json:"bond_value"`
			Share, Chance float64
		}
		FidelityBonds []struct {
			Counterparty string
			UTXO         struct {
				TxID string
				VOut int
			}
			Value    float64 `json:"bond_value"`
			Locktime int64
			Amount   sats.Amount
		}
	}
	var book view
	text := taker.jm("orderbook", "-N", "1")
	decode(t, text, &book)
	if len(book.Makers) != 2 || len(book.FidelityBonds) != 1 || book.Unverified != "" {
		t.Fatalf("%s", text)
	}
	b, first, second := book.FidelityBonds[0], book.Makers[0], book.Makers[1]
	if !strings.HasPrefix(own.OutPoint, b.UTXO.TxID+":") || b.Amount != own.Amount || b.Locktime != own.Locktime || b.Value != own.Value || b.Value <= 0 {
		t.Errorf("the taker sees the bond %+v, its owner %+v", b, own)
	}
	if first.Nick != b.Counterparty || first.Value != b.Value || first.Share < 0.9 || first.Chance < 0.9 || second.Value != 0 || second.Share > 0.1 {
		t.Errorf("with bondless_makers_allowance 0.125 the shares are %+v", book.Makers)
	}
	shown := []string{"drawn from 2 makers, 1 of them with a fidelity bond", "maker  " + b.Counterparty, "  bond 0.00000000"}
	taker.decline(shown, "sendpayment", "0.2", taker.address("3"), "-N", "2")

	// The bond does not compete with itself, and the market can be a file.
	taker.write("book.json", string(text))
	type prospect struct {
		Value float64 `json:"bond_value"`
		Place struct {
			Rank, Of int
			Share    float64
		}
		Needed sats.Amount
	}
	for _, args := range [][]string{{"--market"}, {"--orderbook", taker.dir + "/book.json"}} {
		var same, less []prospect
		decode(t, taker.jm(append([]string{"bond", "calc", own.OutPoint, month}, args...)...), &same)
		if len(same) != 1 || same[0].Value != own.Value || same[0].Place.Rank != 1 || same[0].Place.Of != 1 || same[0].Place.Share != first.Share {
			t.Errorf("bond calc %s: %+v", args, same)
		}
		decode(t, taker.jm(append([]string{"bond", "calc", "0.1", month, "--chance", "80", "-N", "1"}, args...)...), &less)
		if len(less) != 1 || less[0].Place.Rank != 2 || less[0].Place.Of != 2 || less[0].Needed <= b.Amount {
			t.Errorf("bond calc %s: %+v", args, less)
		}
	}

	// Without a node nothing shows that the bond is there.
	taker.change("rpc_port = ", "rpc_port = 1\n# ")
	book = view{}
	decode(t, taker.jm("orderbook"), &book)
	if len(book.Bonds) != 1 || len(book.FidelityBonds) != 0 || book.Unverified == "" || len(book.Makers) != 2 || book.Makers[0].Share != book.Makers[1].Share {
		t.Errorf("without a node: %+v", book)
	}
	taker.expect(5, []string{"cannot be verified"}, "bond", "calc", "0.1", "--market")
}
