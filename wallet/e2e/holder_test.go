package e2e

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// rate of payments, in sat/kvB.
const rate sats.Amount = 2000

// nobody is a script whose coins are lost.
var nobody = append([]byte{0, 20}, make([]byte, 20)...)

// holder is somebody with a wallet at a place.
type holder struct {
	t *testing.T
	p *place
	*wallet.Wallet
	path    string
	backend chain.Backend
	paying  spend.Config
}

// config is for wallets that follow a backend.
func config(b chain.Backend) wallet.Config {
	return wallet.Config{Params: regtest.Params, Chain: b, KDF: wallettest.LightKDF, Mixdepths: 2}
}

func newSeed(t *testing.T) keys.Seed {
	t.Helper()
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// again is the seed as somebody else writes it down.
func again(t *testing.T, seed keys.Seed) keys.Seed {
	t.Helper()
	phrase, err := seed.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	seed, err = keys.ParsePhrase(phrase, seed.Extension(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// holder makes a wallet with a new seed, synchronised.
func (p *place) holder(t *testing.T, name string) *holder {
	t.Helper()
	return p.holderWith(t, newSeed(t), config(p.backend(t, name)))
}

func (p *place) holderWith(t *testing.T, seed keys.Seed, cfg wallet.Config) *holder {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.jmw")
	w, err := wallet.Create(path, wallettest.Password, seed, cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := p.of(t, w, path)
	h.catchUp()
	return h
}

// of is the holder of an open wallet, which the end of the test closes.
func (p *place) of(t *testing.T, w *wallet.Wallet, path string) *holder {
	t.Cleanup(func() { w.Close() })
	b := w.Chain()
	pool, _ := b.(chain.Mempool) // a light client has none
	return &holder{t: t, p: p, Wallet: w, path: path, backend: b, paying: spend.Config{
		Wallet: w, Node: b, Mempool: pool, Fee: feerate.Policy{Rate: rate, Absurd: 350_000, Share: 20},
	}}
}

// await synchronises at every change until a condition holds.
func (h *holder) await(what string, cond func() bool) {
	h.t.Helper()
	ctx := timed(h.t)
	for {
		err := h.Sync(ctx)
		if err == nil && cond() {
			return
		}
		select {
		case <-h.backend.Changes():
		case <-ctx.Done():
			h.t.Fatalf("waiting for %s: %v, %+v", what, err, h.balances())
		}
	}
}

// catchUp waits for the node's last block.
func (h *holder) catchUp() {
	h.t.Helper()
	tip := h.p.tip(h.t)
	h.await("the tip", func() bool {
		at, ok := h.Synced()
		return ok && at.BlockID == tip
	})
}

func (h *holder) balances() []wallet.Balance {
	h.t.Helper()
	b, err := h.Balances()
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// available is what can be spent of a mixdepth.
func (h *holder) available(mixdepth int) sats.Amount { return h.balances()[mixdepth].Available }

func (h *holder) address(mixdepth int, branch uint32) wallet.Address {
	h.t.Helper()
	a, err := h.NextAddress(mixdepth, branch)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// earn gets confirmed coins in a mixdepth.
func (h *holder) earn(mixdepth int, values ...sats.Amount) {
	h.t.Helper()
	for _, v := range values {
		h.p.fund(h.t, h.address(mixdepth, keys.External).Script, v)
	}
	h.p.mine(h.t, 1)
	h.catchUp()
}

// coin is the one of a value.
func (h *holder) coin(value sats.Amount) coins.Coin {
	h.t.Helper()
	all, err := h.Coins()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range all {
		if c.Value == value {
			return c
		}
	}
	h.t.Fatalf("no coin of %v among %+v", value, all)
	return coins.Coin{}
}

// pay sends an amount to a script, of certain coins if any are named.
func (h *holder) pay(value sats.Amount, script []byte, from ...coins.Coin) spend.Receipt {
	h.t.Helper()
	p := spend.Payment{Outputs: []txbuild.Output{{Value: value, Script: script}}}
	for _, c := range from {
		p.Coins = append(p.Coins, c.OutPoint)
	}
	r, err := spend.Pay(timed(h.t), h.paying, p, agree)
	if err != nil {
		h.t.Fatal(err)
	}
	h.check(r)
	return r
}

func agree(spend.Quote) error { return nil }

// check adds up what was sent.
func (h *holder) check(r spend.Receipt) {
	h.t.Helper()
	sum := r.Quote.Fee
	for _, out := range r.Tx.TxOut {
		sum += sats.Amount(out.Value)
	}
	if in := coins.Sum(r.Quote.Inputs); in != sum || len(r.Quote.Inputs) != len(r.Tx.TxIn) {
		h.t.Errorf("%v in, %v out with the fee", in, sum)
	}
}

// sign spends coins, less a fee, to a script. The transaction can be replaced.
func (h *holder) sign(fee sats.Amount, to []byte, own ...coins.Coin) *wire.MsgTx {
	h.t.Helper()
	tx := wire.NewMsgTx(2)
	for _, c := range own {
		in := wire.NewTxIn(&c.OutPoint, nil, nil)
		in.Sequence = txbuild.RBF
		tx.AddTxIn(in)
	}
	tx.AddTxOut(wire.NewTxOut(int64(coins.Sum(own)-fee), to))
	if err := h.SignTx(tx, own); err != nil {
		h.t.Fatal(err)
	}
	return tx
}

// refuses signs for a coin that must not be spent.
func (h *holder) refuses(want error, c coins.Coin) {
	h.t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	tx.AddTxOut(wire.NewTxOut(int64(c.Value)-1000, nobody))
	if err := h.SignTx(tx, []coins.Coin{c}); !errors.Is(err, want) {
		h.t.Errorf("signing: %v, want %v", err, want)
	}
}

// awaitSpent waits until the backend says that a coin is gone, whatever the
// wallet believes.
func (h *holder) awaitSpent(c coins.Coin) {
	h.t.Helper()
	ctx := timed(h.t)
	for {
		out, err := h.backend.TxOut(ctx, c.OutPoint)
		if errors.Is(err, chain.ErrNoTxOut) {
			return
		}
		select {
		case <-h.backend.Changes():
		case <-ctx.Done():
			h.t.Fatalf("the spent coin is still there: %+v, %v", out, err)
		}
	}
}
