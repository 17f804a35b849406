package wallet_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func ref(t testing.TB, text string) labels.Ref {
	t.Helper()
	r, err := labels.ParseRef(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLabels(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path := create(t, newSeed(t), c.Config())
	a := next(t, w, 0, keys.External)
	address := ref(t, a.Text)
	if err := w.SetLabel(address, "too early"); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("before the first synchronisation: %v", err)
	}
	out := c.Pay(a.Script, 5000)
	sync(t, w)
	for r, want := range map[labels.Ref]error{
		address:                nil,
		labels.ForOutput(out):  nil,
		labels.ForTx(out.Hash): nil,
		labels.ForTx(out.Hash): nil,
		labels.ForOutput(wire.OutPoint{Hash: out.Hash, Index: 1}): wallet.ErrNoSuch,
		labels.ForTx(chainhash.Hash{}):                            wallet.ErrNoSuch,
		ref(t, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"):    wallet.ErrNoSuch,
		ref(t, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"):      txbuild.ErrAddress,
		{Type: "pubkey", Text: "02"}:                              wallet.ErrNoSuch,
	} {
		if err := w.SetLabel(r, "for "+string(r.Type)); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", r, err, want)
		}
	}
	if err := w.SetLabel(address, "two\nlines"); !errors.Is(err, labels.ErrLabel) {
		t.Errorf("two lines: %v", err)
	}
	w.Close()
	w = reopen(t, path, offline())
	for _, r := range []labels.Ref{address, labels.ForOutput(out), labels.ForTx(out.Hash)} {
		if got := w.Label(r); got != "for "+string(r.Type) {
			t.Errorf("%v: %q after opening again", r, got)
		}
	}
	// Removing needs no node.
	if err := w.SetLabel(address, ""); err != nil || w.Label(address) != "" {
		t.Errorf("removing: %v, %q", err, w.Label(address))
	}
}

// TestLabelsMoveToARecoveredWallet: what is exported and imported in a wallet
// of the same words, before it knows its coins, is exported as the same.
func TestLabelsMoveToARecoveredWallet(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := newSeed(t)
	w, _ := create(t, seed, c.Config())
	defer w.Close()
	var used []wallet.Address
	for range 6 {
		used = append(used, next(t, w, 0, keys.External))
		c.Pay(used[len(used)-1].Script, 10_000)
	}
	dust := c.Pay(used[0].Script, 600)
	c.Mine(1)
	sync(t, w)
	if err := w.Thaw(dust); err != nil {
		t.Fatal(err)
	}
	for i, coin := range list(t, w)[:5] {
		var err error
		switch i {
		case 0:
			err = w.Freeze(coins.ByUser, coin.OutPoint)
		case 1:
			err = w.SetLabel(labels.ForOutput(coin.OutPoint), "a coin")
		case 2:
			err = errors.Join(w.SetLabel(labels.ForOutput(coin.OutPoint), "a frozen coin"), w.Freeze(coins.ByUser, coin.OutPoint))
		case 3:
			err = w.SetLabel(labels.ForTx(coin.OutPoint.Hash), "a payment")
		case 4:
			err = w.SetLabel(ref(t, used[4].Text), "an address")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	exported := w.ExportLabels()
	if len(exported) != 6 {
		t.Errorf("%d records: %+v", len(exported), exported)
	}
	recovered, _ := create(t, seed, c.Config())
	defer recovered.Close()
	if err := recovered.ImportLabels(exported); err != nil {
		t.Fatal(err)
	}
	sync(t, recovered)
	if again := recovered.ExportLabels(); !slices.Equal(again, exported) {
		t.Errorf("%+v, want\n%+v", again, exported)
	}
	frozen := func(w *wallet.Wallet) (outs []wire.OutPoint) {
		for _, coin := range list(t, w) {
			if coin.Frozen {
				outs = append(outs, coin.OutPoint)
			}
		}
		return outs
	}
	if got := frozen(recovered); len(got) != 2 || !slices.Equal(got, frozen(w)) {
		t.Errorf("%v are frozen, want %v", got, frozen(w))
	}
}

func TestImportLabelsIsAllOrNothing(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{1000})
	coin := list(t, w)[0]
	good := labels.Record{Ref: labels.ForOutput(coin.OutPoint), Label: "good", Spend: labels.Frozen}
	for _, bad := range []labels.Record{
		{Ref: labels.Ref{Type: "pubkey", Text: "02"}, Label: "x"},
		{Ref: labels.ForTx(coin.OutPoint.Hash), Label: "a\nb"},
		{Ref: labels.ForTx(coin.OutPoint.Hash), Spend: labels.Frozen},
	} {
		if err := w.ImportLabels([]labels.Record{good, bad}); err == nil || w.Label(good.Ref) != "" || list(t, w)[0].Frozen {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	many := make([]labels.Record, 100_001)
	for i := range many {
		many[i] = labels.Record{Ref: labels.ForOutput(wire.OutPoint{Index: rand.Uint32()}), Spend: labels.Frozen}
		many[i].Text = fmt.Sprintf("%064x:%d", i, i)
	}
	if err := w.ImportLabels(many); !errors.Is(err, wallet.ErrFull) {
		t.Errorf("%d frozen coins: %v", len(many), err)
	}
	if err := w.ImportLabels([]labels.Record{good}); err != nil || w.Label(good.Ref) != "good" || list(t, w)[0].Cause != coins.ByImport {
		t.Errorf("the good one alone: %v", err)
	}
}
