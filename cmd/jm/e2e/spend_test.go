package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
)

// receipt is what spending commands print.
type receipt struct {
	TxID, Tx, PSBT string
	Sent           bool
	Amount, Fee    sats.Amount
	Rate           sats.Amount `json:"fee_rate"`
	Quoted         int64       `json:"quoted_vsize"`
	VSize          int64
	Inputs         []struct {
		OutPoint string
		Value    sats.Amount
		Mixdepth int
	}
	Outputs []struct {
		Address string
		Value   sats.Amount
		Change  bool
	}
	Change sats.Amount
	Bump   *struct {
		TxID, Method string
		Fee          sats.Amount
		VSize        int64
		Rate         sats.Amount `json:"fee_rate"`
	}
}

// spend runs a spending command that must succeed, and adds up what it did.
func (p *participant) spend(args ...string) (r receipt) {
	p.t.Helper()
	decode(p.t, p.jm(append(args, "--yes")...), &r)
	sum := r.Fee
	for _, out := range r.Outputs {
		sum += out.Value
	}
	for _, in := range r.Inputs {
		sum -= in.Value
	}
	if sum != 0 || len(r.Inputs) == 0 || !r.Sent || r.VSize > r.Quoted || r.VSize < r.Quoted-int64(len(r.Inputs)) {
		p.t.Errorf("jm %s: %+v", strings.Join(args, " "), r)
	}
	return r
}

// address hands out an address of a mixdepth.
func (p *participant) address(mixdepth string) string {
	p.t.Helper()
	var answer struct{ Address string }
	decode(p.t, p.jm("wallet", "address", "-m", mixdepth), &answer)
	return answer.Address
}

// available is what the mixdepths hold and can spend.
func (p *participant) available() (amounts []sats.Amount) {
	p.t.Helper()
	var wallet struct {
		Mixdepths []struct{ Available sats.Amount }
	}
	decode(p.t, p.jm("wallet", "show"), &wallet)
	for _, m := range wallet.Mixdepths {
		amounts = append(amounts, m.Available)
	}
	return amounts
}

// mempool is what the node knows of an unconfirmed transaction.
func (m *market) mempool(txid string) chain.Unconfirmed {
	m.t.Helper()
	var backend chain.Backend
	var err error
	access := m.node.Access()
	if strings.Contains(m.chain, "btcd") {
		backend, err = btcd.New(btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest.Params})
	} else {
		backend, err = core.New(core.Config{Node: access, Wallet: "onlooker", Params: regtest.Params})
	}
	if err != nil {
		m.t.Fatal(err)
	}
	defer backend.Close()
	id, err := chainhash.NewHashFromStr(txid)
	if err != nil {
		m.t.Fatal(err)
	}
	u, err := backend.(chain.Mempool).Unconfirmed(m.ctx, *id)
	if err != nil {
		m.t.Fatal(err)
	}
	return u
}

// onNodes runs a test on each kind of node, without a market.
func onNodes(t *testing.T, test func(t *testing.T, m *market)) {
	for name, kind := range map[string]regtest.Kind{"btcd": regtest.BTCD, "Bitcoin Core": regtest.Bitcoind} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newMarket(t, kind))
		})
	}
}

func TestSpend(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, m *market) {
		p, q := m.join("payer", false), m.join("payee", false)
		m.fund(p, 1_000_000, 300_000, 200_000)
		m.mine(1)

		// The reference's way, with an address and with a payment URI.
		r := p.spend("sendpayment", "0.002", q.address("0"), "-N", "0")
		if r.Amount != 200_000 || r.Rate < 2000 || r.Rate > 2400 || len(r.Inputs) != 1 {
			t.Errorf("%+v", r)
		}
		m.mine(1)
		r = p.spend("sendpayment", "default", "bitcoin:"+q.address("0")+"?amount=0.0005&label=rent", "-N", "0", "-f", "5000", "--no-rbf")
		if r.Amount != 50_000 || r.Rate < 5000 || r.Rate > 6000 {
			t.Errorf("%+v", r)
		}
		m.mine(1)

		// Several receivers, a coin by name, an exact rate.
		coin := r.TxID + ":0"
		var wallet struct {
			Mixdepths []struct {
				Coins []struct {
					OutPoint string
					Value    sats.Amount
				}
			}
		}
		decode(t, p.jm("wallet", "show"), &wallet)
		for _, c := range wallet.Mixdepths[0].Coins {
			if c.Value == 1_000_000 {
				coin = c.OutPoint
			}
		}
		r = p.spend("wallet", "send", q.address("1")+"=0.001", q.address("2")+"=25000", "--coin", coin, "--feerate", "3.5")
		if len(r.Inputs) != 1 || r.Inputs[0].OutPoint != coin || len(r.Outputs) != 3 || r.Amount != 125_000 ||
			r.Fee != sats.Amount(r.Quoted)*7/2 || r.Change != 1_000_000-125_000-r.Fee {
			t.Errorf("%+v", r)
		}
		m.mine(1)

		// Everything that is left.
		before := p.available()[0]
		r = p.spend("wallet", "send", "--sweep", q.address("3"))
		if r.Amount != before-r.Fee || r.Change != 0 || len(r.Outputs) != 1 {
			t.Errorf("of %v: %+v", before, r)
		}
		m.mine(1)
		if got, want := q.available(), []sats.Amount{250_000, 100_000, 25_000, r.Amount, 0}; !slices.Equal(got, want) {
			t.Errorf("the payee has %v, want %v", got, want)
		}
		if got := p.available()[0]; got != 0 {
			t.Errorf("the payer has %v left", got)
		}
	})
}

func TestSpendErrors(t *testing.T) {
	m := newMarket(t, regtest.BTCD)
	p := m.join("payer", false)
	m.fund(p, 100_000)
	m.mine(1)
	to := p.address("1")
	for _, c := range []struct {
		code  int
		words []string
		args  []string
	}{
		{2, []string{"mixdepths 0 to 4"}, []string{"wallet", "send", to + "=20000", "-m", "5"}},
		{2, []string{"above the limit for this amount", "--max-fee"}, []string{"wallet", "send", to + "=20000", "--feerate", "100"}},
		{2, []string{"below what the node takes"}, []string{"wallet", "send", to + "=20000", "--feerate", "0.5"}},
		{2, []string{"add --yes"}, []string{"wallet", "send", to + "=20000"}},
		{7, []string{"mixdepth 0 has 100 000 sat"}, []string{"wallet", "send", to + "=0.1"}},
		{7, []string{"not an unspent coin"}, []string{"wallet", "send", to + "=20000", "--coin", strings.Repeat("ab", 32) + ":0"}},
		{2, []string{"no transaction of this wallet"}, []string{"wallet", "bumpfee", strings.Repeat("ab", 32)}},
	} {
		p.expect(c.code, c.words, c.args...)
	}
	p.decline([]string{"from ", "0.00100000 BTC", "to ", to, "change ", "a new address", "fee ", "141 vB at 2.000 sat/vB", "total ", "bumpfee"},
		"wallet", "send", to+"=20000", "--feerate", "2")
}

func TestBumpFee(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, m *market) {
		p, q := m.join("payer", false), m.join("payee", false)
		m.fund(p, 1_000_000)
		m.mine(1)
		old := p.spend("wallet", "send", q.address("0")+"=0.002", "--feerate", "2")
		p.expect(2, []string{"the least rate is"}, "wallet", "bumpfee", old.TxID, "--feerate", "2.5", "--yes")

		r := p.spend("wallet", "bumpfee", old.TxID, "--feerate", "10")
		if r.Bump == nil || r.Bump.Method != "replace" || r.Bump.TxID != old.TxID || r.Bump.Fee != old.Fee ||
			r.Fee != 1410 || r.Amount != 200_000 || r.Change != old.Change-(r.Fee-old.Fee) {
			t.Errorf("%+v", r)
		}
		if u := m.mempool(r.TxID); u.Own.Fee != r.Fee || u.Own.VSize != r.VSize || u.Ancestors.Count != 1 {
			t.Errorf("the node knows %+v", u)
		}
		var list struct {
			Pending []struct{ TxID, State string }
		}
		decode(t, p.jm("wallet", "pending", "list"), &list)
		if len(list.Pending) != 1 || list.Pending[0].TxID != r.TxID || list.Pending[0].State != "unconfirmed" {
			t.Errorf("%+v", list)
		}

		// The payee, who cannot replace it, spends what it got.
		child := q.spend("wallet", "bumpfee", r.TxID, "--feerate", "30")
		if child.Bump.Method != "child" || child.Rate < 30_000 || child.Rate > 30_010 {
			t.Errorf("%+v", child)
		}
		if u := m.mempool(child.TxID).Ancestors; u.Count != 2 || u.Fee*1000/sats.Amount(u.VSize) < 30_000 {
			t.Errorf("the node knows %+v", u)
		}
		m.mine(1)
		if got := p.available()[0]; got != r.Change {
			t.Errorf("the payer has %v, want %v", got, r.Change)
		}
		p.expect(1, []string{"confirmed already"}, "wallet", "bumpfee", r.TxID, "--yes")
		m.mine(5)
		decode(t, p.jm("wallet", "pending", "list"), &list)
		if len(list.Pending) != 0 {
			t.Errorf("six blocks deep: %+v", list)
		}
	})
}

func TestPSBT(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, m *market) {
		p, q := m.join("payer", false), m.join("payee", false)
		m.fund(p, 1_000_000)
		m.mine(1)
		// A machine without a node: the wallet file, and nothing to reach.
		cold := &participant{m, t.TempDir()}
		cold.write("joinmarket.cfg", "[BLOCKCHAIN]\n"+nobody)
		cold.write("password", "correct horse\n")
		if err := os.MkdirAll(filepath.Join(cold.dir, "wallets"), 0o700); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(filepath.Join(p.dir, "wallets", "default.jmwallet"))
		if err != nil {
			t.Fatal(err)
		}
		cold.write(filepath.Join("wallets", "default.jmwallet"), string(file))

		to := q.address("0")
		var made receipt
		decode(t, p.jm("wallet", "psbt", "create", to+"=0.003", "--feerate", "4", "--yes"), &made)
		if made.PSBT == "" || made.Fee != 564 || made.Change != 1_000_000-300_000-564 {
			t.Fatalf("%+v", made)
		}
		cold.write("payment.psbt", made.PSBT+"\n")
		payment := filepath.Join(cold.dir, "payment.psbt")
		var shown struct {
			TxID    string
			Fee     sats.Amount
			Inputs  []struct{ Own, Proven, Final bool }
			Outputs []struct {
				Address string
				Value   sats.Amount
				Own     bool
			}
		}
		decode(t, cold.jm("wallet", "psbt", "show", "default", payment), &shown)
		change := 0
		if shown.Outputs[1].Own {
			change = 1
		}
		if shown.TxID != made.TxID || shown.Fee != 564 || !shown.Inputs[0].Own || !shown.Inputs[0].Proven || shown.Inputs[0].Final ||
			!shown.Outputs[change].Own || shown.Outputs[1-change].Own || shown.Outputs[1-change].Address != to {
			t.Errorf("%+v", shown)
		}
		cold.expect(1, []string{"not fully signed"}, "wallet", "psbt", "finalize", payment)
		q.expect(2, []string{"no input of it is this wallet's"}, "wallet", "psbt", "sign", payment, "--yes")

		var signed struct {
			PSBT   string
			Signed int
		}
		decode(t, cold.jm("wallet", "psbt", "sign", payment, "--yes"), &signed)
		if signed.Signed != 1 {
			t.Errorf("%d signed", signed.Signed)
		}
		p.write("signed.psbt", signed.PSBT)
		path := filepath.Join(p.dir, "signed.psbt")
		var final struct{ TxID, Tx string }
		decode(t, p.jm("wallet", "psbt", "finalize", path), &final)
		var sent receipt
		decode(t, p.jm("wallet", "psbt", "broadcast", path, "--yes"), &sent)
		if sent.TxID != made.TxID || sent.Tx != final.Tx || !sent.Sent || sent.Fee != 564 {
			t.Errorf("%+v", sent)
		}
		if u := m.mempool(sent.TxID); u.Own.Fee != 564 {
			t.Errorf("the node knows %+v", u)
		}
		p.expect(7, []string{"sent already"}, "wallet", "psbt", "broadcast", path, "--yes")
		m.mine(1)
		if got := q.available()[0]; got != 300_000 {
			t.Errorf("the payee has %v", got)
		}
	})
}
