package maker

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestM22ShownAgain: a prober that takes no part sees the same coins each time,
// as far as they do, under whatever nick; others only while these are in use.
func TestM22ShownAgain(t *testing.T) {
	c := vectors.Load[authCase](t, "ioauth_maker.json", 45)[0]
	w := c.wallet(t)
	m, e := c.maker(t, w)
	m.cfg.AmountShare = 1 // the taker's coin does for all amounts
	d := &notes{}
	var unused int
	m.cfg.Notify = func(e Event) {
		if _, is := e.(Unused); is {
			unused++
		}
	}
	ask := func(conversation uint64, amount sats.Amount) []string {
		t.Helper()
		clear(m.accepted.set) // every opening counts as new
		e.Conversation, e.Amount = conversation, amount
		m.event(t.Context(), d, e)
		return last[control.IOAuthRequest](t, d).UTXOs
	}
	gone := func(conversation uint64) {
		m.event(t.Context(), d, control.EndedEvent{Conversation: conversation, Taker: e.Taker})
	}
	large := ask(1, 4_000_000) // the coin of 5,000,000
	gone(1)
	// 3,000,000 would be nearer, but it was not shown yet.
	if again := ask(2, 1_000_000); !slices.Equal(again, large) {
		t.Errorf("shown %v, then %v", large, again)
	}
	other := ask(3, 1_000_000)
	if slices.Equal(other, large) {
		t.Errorf("%v is shown twice at a time", other)
	}
	gone(2)
	gone(3)
	if again := ask(4, 1_000_000); !slices.Equal(again, other) {
		t.Errorf("%v is shown, want the least that does and was shown, %v", again, other)
	}
	gone(4)
	if both := ask(5, 7_000_000); len(both) != 2 {
		t.Errorf("more than any set shown so far is shown as %v", both)
	}
	if unused != 4 {
		t.Errorf("the user was told %d times that coins were not used, want 4", unused)
	}
}

// What is spent or frozen is not shown; of the others those that hold least come
// first.
func TestM22Again(t *testing.T) {
	coin := func(n byte, value sats.Amount) coins.Coin {
		return coins.Coin{OutPoint: outPoint(n), Value: value, Height: 1}
	}
	a, b, c := coin(1, 10), coin(2, 20), coin(3, 30)
	sets := [][]wire.OutPoint{{c.OutPoint}, {a.OutPoint, b.OutPoint}, {b.OutPoint}}
	all := []coins.Coin{a, b, c}
	if got := again(sets, all, 20); len(got) != 3 || got[0][0].OutPoint != b.OutPoint || coins.Sum(got[1]) != 30 {
		t.Errorf("%+v", got)
	}
	if got := again(sets, all, 31); got != nil {
		t.Errorf("%+v hold enough", got)
	}
	b.Frozen = true
	if got := again(sets, []coins.Coin{a, b, c}, 20); len(got) != 1 || got[0][0].OutPoint != c.OutPoint {
		t.Errorf("with a frozen coin %+v", got)
	}
	if got := again(sets, []coins.Coin{a}, 1); got != nil {
		t.Errorf("with spent coins %+v", got)
	}
}

// TestM22AfterARestart: what was shown before the last start is shown before
// others.
func TestM22AfterARestart(t *testing.T) {
	chain := wallettest.NewChain(&chaincfg.RegressionNetParams)
	path, cfg := filepath.Join(t.TempDir(), "w"), chain.Config()
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Create(path, wallettest.Password, seed, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []sats.Amount{900_000, 300_000} {
		a, err := w.NextAddress(0, keys.External)
		if err != nil {
			t.Fatal(err)
		}
		chain.Pay(a.Script, value)
	}
	chain.Mine(6)
	reserve := func(amount sats.Amount) *coins.Lease {
		t.Helper()
		if err := w.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		m := &Maker{cfg: Config{Wallet: w, Node: w.Chain(), Terms: bothTerms()}}
		lease, err := m.reserve("J5taker111111111", Agreement{Offer: protocol.Offer{CJFee: "0", Type: protocol.SW0AbsOffer}, Amount: amount})
		if err != nil || len(lease.Coins) != 1 {
			t.Fatal(lease, err)
		}
		return lease
	}
	lease := reserve(700_000)
	if _, err := w.Show(lease.Coins, 1, 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w, err = wallet.Open(path, wallettest.Password, cfg); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if again := reserve(100_000); again.Coins[0].OutPoint != lease.Coins[0].OutPoint {
		t.Errorf("a coin of %v is shown; the taker before the restart saw another", again.Coins[0].Value)
	}
}
