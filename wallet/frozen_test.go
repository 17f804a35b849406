package wallet_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// causes returns why each coin of the wallet is frozen.
func causes(t *testing.T, w *wallet.Wallet) map[wire.OutPoint]coins.Cause {
	t.Helper()
	all := make(map[wire.OutPoint]coins.Cause)
	for _, c := range list(t, w) {
		if c.Frozen != (c.Cause != "") {
			t.Errorf("%v: frozen %v for %q", c.OutPoint, c.Frozen, c.Cause)
		}
		all[c.OutPoint] = c.Cause
	}
	return all
}

// want compares the causes of all coins.
func wantCauses(t *testing.T, when string, w *wallet.Wallet, want map[wire.OutPoint]coins.Cause) {
	t.Helper()
	got := causes(t, w)
	for out, cause := range want {
		if c, there := got[out]; !there || c != cause {
			t.Errorf("%s: %v is frozen for %q, want %q", when, out, c, cause)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d coins, want %d", when, len(got), len(want))
	}
}

func TestW12ForcedReuseIsFrozenAtOnce(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path := create(t, newSeed(t), c.Config())
	a := next(t, w, 0, keys.External)
	c.Pay(a.Script, 100_000)
	c.Mine(1)
	sync(t, w)
	spend(t, c, w, list(t, w)[0], 1000)
	c.Mine(1)
	sync(t, w)

	// Dust comes to the address that was emptied, and is frozen before anybody
	// sees it; so is what comes while the wallet is closed.
	dust := c.Pay(a.Script, 1000)
	sync(t, w)
	wantCauses(t, "live", w, map[wire.OutPoint]coins.Cause{dust: coins.ByReuse})
	w.Close()
	more := c.Pay(a.Script, 50_000_000)
	c.Mine(1)
	w = reopen(t, path, c.Config())
	sync(t, w)
	wantCauses(t, "while closed", w, map[wire.OutPoint]coins.Cause{dust: coins.ByReuse, more: coins.ByReuse})
	// A sweep does not mix it in.
	if _, err := w.Reserve(wallet.Reservation{Sweep: true, TTL: 1}); !errors.Is(err, coins.ErrFunds) {
		t.Errorf("a sweep: %v", err)
	}
	// What the user thaws stays so.
	if err := w.Thaw(dust); err != nil {
		t.Fatal(err)
	}
	wantCauses(t, "thawed", w, map[wire.OutPoint]coins.Cause{dust: "", more: coins.ByReuse})
	w.Close()
	c.Mine(1)
	w = reopen(t, path, c.Config())
	sync(t, w)
	wantCauses(t, "opened again", w, map[wire.OutPoint]coins.Cause{dust: "", more: coins.ByReuse})

	// A wallet recovered from its words freezes the same: the first payment is
	// gone, but the chain knows it. It has no memory of what was thawed.
	recovered, err := wallet.Create(filepath.Join(t.TempDir(), "w"), wallettest.Password, wallettest.Seed(t, w), c.Config())
	if err != nil {
		t.Fatal(err)
	}
	sync(t, recovered)
	wantCauses(t, "recovered", recovered, map[wire.OutPoint]coins.Cause{dust: coins.ByReuse, more: coins.ByReuse})
}

func TestW12TwoOutputsToOneAddress(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{100_000})
	a := next(t, w, 1, keys.External)
	tx := payment(0, list(t, w)[0])
	tx.TxOut = []*wire.TxOut{wire.NewTxOut(40_000, a.Script), wire.NewTxOut(50_000, a.Script)}
	if err := w.SignTx(tx, list(t, w)); err != nil {
		t.Fatal(err)
	}
	if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	sync(t, w)
	id := tx.TxHash()
	wantCauses(t, "unconfirmed", w, map[wire.OutPoint]coins.Cause{{Hash: id}: "", {Hash: id, Index: 1}: coins.ByReuse})
}

func TestW12ReuseLimit(t *testing.T) {
	for _, test := range []struct {
		most   sats.Amount // as configured
		frozen [3]bool     // coins of 999, 1000 and 1001 sat
	}{
		{0, [3]bool{true, true, true}},
		{1000, [3]bool{true, true, false}},
		{-1, [3]bool{}},
	} {
		c := wallettest.NewChain(regtest)
		cfg := c.Config()
		cfg.MaxFreezeReuse = test.most
		w := wallettest.NewWith(t, c, cfg)
		a := next(t, w, 0, keys.External)
		want := map[wire.OutPoint]coins.Cause{c.Pay(a.Script, 5000): ""}
		c.Mine(1)
		for i, frozen := range test.frozen {
			out := c.Pay(a.Script, sats.Amount(999+i))
			if want[out] = ""; frozen {
				want[out] = coins.ByReuse
			}
		}
		sync(t, w)
		wantCauses(t, test.most.String(), w, want)
	}
}

// What was paid first stays free, whatever comes later, and reorganisations
// that keep the order change nothing.
func TestW12FirstPaymentStaysFree(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	a := next(t, w, 0, keys.Internal)
	first := c.Pay(a.Script, 100_000)
	c.Mine(1)
	sync(t, w)
	dust := c.Pay(a.Script, 600)
	want := map[wire.OutPoint]coins.Cause{first: "", dust: coins.ByReuse}
	sync(t, w)
	wantCauses(t, "dust in the mempool", w, want)
	c.Reorg(1)
	sync(t, w)
	wantCauses(t, "both in the mempool", w, want)
	c.Mine(1)
	sync(t, w)
	wantCauses(t, "mined", w, want)
}

func TestFreezeRemembersTheCause(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{1000, 2000, 3000})
	all := list(t, w)
	if err := w.Freeze(coins.ByUser, all[0].OutPoint, wire.OutPoint{}); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("a foreign coin among ours: %v", err)
	}
	if err := w.Freeze("weather", all[0].OutPoint); err == nil {
		t.Error("frozen for an unknown cause")
	}
	if err := w.Thaw(all[0].OutPoint, wire.OutPoint{}); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("thawing a foreign coin: %v", err)
	}
	want := map[wire.OutPoint]coins.Cause{all[0].OutPoint: "", all[1].OutPoint: "", all[2].OutPoint: ""}
	wantCauses(t, "after errors", w, want)
	if err := w.Freeze(coins.ByUser, all[0].OutPoint, all[1].OutPoint); err != nil {
		t.Fatal(err)
	}
	if err := w.Freeze(coins.ByImport, all[1].OutPoint, all[2].OutPoint); err != nil {
		t.Fatal(err)
	}
	want[all[0].OutPoint], want[all[1].OutPoint], want[all[2].OutPoint] = coins.ByUser, coins.ByUser, coins.ByImport
	wantCauses(t, "frozen", w, want)
	if b := balances(t, w)[0]; b != (wallet.Balance{Frozen: 6000}) {
		t.Errorf("%+v", b)
	}
}
