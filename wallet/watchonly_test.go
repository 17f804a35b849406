package wallet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestWatchOnly: the wallet of the public key shows what the full one shows, and
// can do nothing with it.
func TestWatchOnly(t *testing.T) {
	c := wallettest.NewChain(regtest)
	full := wallettest.New(t, c)
	var master string
	err := full.WithKeys(func(tree *keys.Tree) (err error) { master, err = tree.Master(); return err })
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys.ParseMaster(master, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w, path := create(t, seed, c.Config())
	if !w.WatchOnly() || w.Mixdepths() != 1 || full.WatchOnly() {
		t.Errorf("watch-only %v with %d mixdepths", w.WatchOnly(), w.Mixdepths())
	}
	if got, err := w.ID(); err != nil {
		t.Fatal(err)
	} else if want, err := full.ID(); err != nil || got != want {
		t.Errorf("id %s, %v, want %s", got, err, want)
	}
	ours, theirs := next(t, w, 0, keys.External), next(t, full, 0, keys.External)
	if ours.Text != theirs.Text {
		t.Errorf("address %s, want %s", ours.Text, theirs.Text)
	}
	if got, want := bondAddress(t, w, 3), bondAddress(t, full, 3); got.Text != want.Text {
		t.Errorf("bond address %s, want %s", got.Text, want.Text)
	}
	c.Pay(theirs.Script, 7000)
	c.Pay(bondAddress(t, full, 3).Script, 90_000)
	c.Mine(1)
	w.Close()
	w = reopen(t, path, c.Config())
	sync(t, w)
	sync(t, full)
	if got, want := balances(t, w)[0], balances(t, full)[0]; got != want || got.Total() != 97_000 {
		t.Errorf("balance %+v, want %+v", got, want)
	}
	coin := list(t, w)[0]
	pub := [33]byte(btcec.Generator().SerializeCompressed())
	for what, err := range map[string]error{
		"SignTx":      w.SignTx(payment(1000, coin), []coins.Coin{coin}),
		"SignMessage": second(w.SignMessage(coin, "text")),
		"CertifyBond": first(w.CertifyBond(bonds(t, w)[0].Path(), pub, 1)),
		"ImportKeys":  first(w.ImportKeys(0, secret.NewText("cTGhosGriPpuGA586jemcuH9pE9spwUmneMBmYYzrQEbY92DJrbo"))),
		"Phrase":      first(wallettest.Seed(t, w).Phrase()),
	} {
		if !errors.Is(err, keys.ErrWatchOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := w.NextAddress(1, keys.External); !errors.Is(err, wallet.ErrMixdepth) {
		t.Errorf("mixdepth 1: %v", err)
	}
}

func first[T any](_ T, err error) error          { return err }
func second[T, U any](_ T, _ U, err error) error { return err }
