package wallet_test

import (
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestChangePassword: nothing is lost by it, not even what is known of the chain.
func TestChangePassword(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path := create(t, newSeed(t), c.Config())
	c.Pay(next(t, w, 2, keys.External).Script, 70_000)
	c.Mine(1)
	sync(t, w)
	changed := secret.NewText("another password")
	if err := w.ChangePassword(changed); err != nil {
		t.Fatal(err)
	}
	a := next(t, w, 2, keys.External) // it goes on
	if err := w.ChangePassword(secret.Text{}); !errors.Is(err, store.ErrEmptyPassword) {
		t.Errorf("W3: an empty password: %v", err)
	}
	w.Close()
	if err := w.ChangePassword(changed); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := wallet.Open(path, wallettest.Password, offline()); !errors.Is(err, store.ErrPassword) {
		t.Errorf("the old password: %v", err)
	}
	w, err := wallet.Open(path, changed, offline())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if total(t, w) != 70_000 {
		t.Error("the side file is of no use any more")
	}
	if b := next(t, w, 2, keys.External); b.Path.Index != a.Path.Index+1 {
		t.Errorf("index %d after %d", b.Path.Index, a.Path.Index)
	}
}

// TestD7ChangePasswordOnAFullDisk: the old password goes on.
func TestD7ChangePasswordOnAFullDisk(t *testing.T) {
	cfg := offline()
	disk := &flakyDisk{System: durable.OS}
	cfg.Files = disk
	w, path := create(t, newSeed(t), cfg)
	disk.failAt = disk.count + 1
	if err := w.ChangePassword(secret.NewText("another password")); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	next(t, w, 0, keys.External)
	w.Close()
	reopen(t, path, offline())
}
