package e2e

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// TestCoinJoin makes whole CoinJoins: two makers and a taker, each a process of
// its own, over a real IRC server, on a real node.
func TestCoinJoin(t *testing.T) {
	for _, c := range []struct {
		name       string
		kind       regtest.Kind
		standalone bool
	}{
		{"ngircd, standalone daemons, btcd", regtest.BTCD, true},
		{"ngircd, daemons in the process, btcd", regtest.BTCD, false},
		{"ngircd, standalone daemons, Bitcoin Core", regtest.Bitcoind, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			coinJoin(t, newMarket(t, c.kind), c.standalone)
		})
	}
}

func coinJoin(t *testing.T, m *market, standalone bool) {
	const btc = sats.PerBTC
	taker, alice, bob := m.join("taker", standalone), m.join("alice", standalone), m.join("bob", standalone)
	m.fund(taker, btc/2+1, btc/4)
	m.fund(alice, btc, btc)
	m.fund(bob, 2*btc)
	m.mine(6)

	var makers []*process
	for _, p := range []*participant{alice, bob} {
		if standalone {
			p.joinmarketd()
		}
		yg := start(t, p.command("yieldgenerator"))
		yg.line(`"event":"announced"`, "sw0reloffer", "sw0absoffer")
		makers = append(makers, yg)
	}
	if standalone {
		taker.joinmarketd()
	}
	var book struct{ Offers []struct{ Nick string } }
	decode(t, taker.jm("orderbook", "--wait", "60s"), &book)
	if len(book.Offers) == 0 {
		t.Fatal("the order book is empty")
	}

	// A daemon apart has no client but the one that asks; one inside jm was in
	// the market for that.
	var status struct {
		Clients  int
		Sessions []struct {
			Ready    bool
			Channels []struct{ State string }
		}
	}
	decode(t, taker.jm("status"), &status)
	if standalone && (status.Clients != 1 || len(status.Sessions) != 0) ||
		!standalone && (len(status.Sessions) != 1 || !status.Sessions[0].Ready || status.Sessions[0].Channels[0].State != "up") {
		t.Errorf("status %+v", status)
	}

	var to struct{ Address string }
	decode(t, taker.jm("wallet", "address", "-m", "3"), &to)
	const amount = btc / 5
	var result struct {
		TxID, Tx     string
		Amount       sats.Amount
		Participants []struct {
			Nick     string
			Inputs   []sats.Amount
			CJOutput sats.Amount `json:"cj_output"`
			Change   sats.Amount
			Fee      sats.Amount
		}
		MinerFee sats.Amount `json:"miner_fee"`
	}
	if !standalone {
		shown := []string{"pay 0.20000000 BTC", "from ", "maker  J5", "fees ", "at most ", "change ", "anonymity set: 3"}
		taker.decline(shown, "sendpayment", "0.2", to.Address, "-N", "2")
	}
	decode(t, taker.jm("sendpayment", "0.2", to.Address, "-N", "2", "--yes"), &result)

	var tx wire.MsgTx
	if err := tx.Deserialize(hex.NewDecoder(strings.NewReader(result.Tx))); err != nil {
		t.Fatal(err)
	}
	equal, out := 0, sats.Amount(0)
	for _, o := range tx.TxOut {
		out += sats.Amount(o.Value)
		if sats.Amount(o.Value) == amount {
			equal++
		}
	}
	in := sats.Amount(0)
	for _, p := range result.Participants {
		for _, v := range p.Inputs {
			in += v
		}
	}
	if equal != 3 || len(result.Participants) != 3 || in-out != result.MinerFee || result.MinerFee <= 0 {
		t.Errorf("%d equal outputs of %d participants; %d in, %d out, fee %d", equal, len(result.Participants), in, out, result.MinerFee)
	}
	// The taker's change pays for both; the equal output is left alone.
	bump := taker.spend("wallet", "bumpfee", result.TxID, "--feerate", "20", "--max-fee", "50000")
	if bump.Bump == nil || bump.Bump.Method != "child" || bump.Bump.Fee != result.MinerFee || len(bump.Inputs) != 1 ||
		bump.Inputs[0].Value != result.Participants[0].Change || bump.Inputs[0].Mixdepth != 0 {
		t.Errorf("%+v", bump)
	}
	if u := m.mempool(bump.TxID).Ancestors; u.Count != 2 || u.Fee*1000/sats.Amount(u.VSize) < 20_000 {
		t.Errorf("the node knows %+v", u)
	}
	m.mine(1)
	for _, maker := range makers {
		maker.line(`"event":"earned"`, result.TxID)
	}
	var wallet struct {
		Mixdepths []struct{ Available sats.Amount }
	}
	decode(t, taker.jm("wallet", "show"), &wallet)
	if got := wallet.Mixdepths[3].Available; got != amount {
		t.Errorf("mixdepth 3 holds %v, want %v", got, sats.Amount(amount))
	}
	for _, maker := range makers {
		if code := maker.stop(); code != 0 && code != 130 {
			t.Errorf("a yield generator ended with status %d:\n%s", code, maker.talk)
		}
	}
}
