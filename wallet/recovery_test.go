package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// at returns the script of an address of a seed.
func at(t testing.TB, seed keys.Seed, path keys.Path) []byte {
	t.Helper()
	tree, err := keys.NewTree(seed, "p2wpkh", regtest)
	if err != nil {
		t.Fatal(err)
	}
	script, err := tree.Script(path)
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// stuck lets the history wait, as the search for it takes hours.
type stuck struct {
	*wallettest.Backend
	open bool
}

func (s *stuck) Sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if !s.open {
		return chain.Update{}, fmt.Errorf("%w: searching", chain.ErrUnreachable)
	}
	return s.Backend.Sync(ctx, since)
}

// The balance is found before the history, none of it is for use before that,
// and windows widen as long as something is found.
func TestRecovery(t *testing.T) {
	const gap = 50
	c := wallettest.NewChain(regtest)
	seed := newSeed(t)
	far := []keys.Path{{Mixdepth: 1, Index: 49}, {Mixdepth: 1, Index: 98}, {Mixdepth: 1, Index: 147}, {Mixdepth: 4, Branch: keys.Internal, Index: 30}}
	for i, path := range far {
		c.Pay(at(t, seed, path), 1000*sats.Amount(i+1))
	}
	c.Mine(1)
	unconfirmed := at(t, seed, keys.Path{Mixdepth: 2, Index: 40})
	c.Pay(unconfirmed, 1)

	cfg := c.Config()
	cfg.RecoveryGap = gap
	node := &stuck{Backend: cfg.Chain.(*wallettest.Backend)}
	cfg.Chain = node
	w, path := create(t, seed, cfg)
	if r, ok := w.Recovery(); !ok || r.Scanned {
		t.Errorf("at first: %+v, %v", r, ok)
	}
	for range 2 { // as long as the history is not there, after a restart too
		if err := w.Sync(t.Context()); !errors.Is(err, chain.ErrUnreachable) {
			t.Fatal(err)
		}
		r, ok := w.Recovery()
		if !ok || !r.Scanned || r.Coins != 4 || r.Found[1] != 6000 || r.Found[4] != 4000 || r.Found[2] != 0 || r.Tip.Height != c.Height() {
			t.Errorf("%+v, %v", r, ok)
		}
		if _, err := w.Coins(); !errors.Is(err, wallet.ErrNotSynced) {
			t.Errorf("Coins: %v", err)
		}
		if a := next(t, w, 1, keys.External); a.Path.Index < 148 {
			t.Errorf("%v is handed out again", a.Path)
		}
		w.Close()
		w = openOnce(t, path, cfg)
	}
	node.open = true
	sync(t, w)
	if _, ok := w.Recovery(); ok {
		t.Error("the recovery does not end")
	}
	if total(t, w) != 10_001 {
		t.Errorf("found %v", total(t, w))
	}
	want := known(t, w)
	w.Close()
	w = openOnce(t, path, cfg)
	defer w.Close()
	if _, ok := w.Recovery(); ok {
		t.Error("it begins again")
	}
	sync(t, w)
	if total(t, w) != 10_001 {
		t.Errorf("after a restart %v; before\n%s", total(t, w), want)
	}
	c.Pay(next(t, w, 1, keys.External).Script, 5)
	sync(t, w)
	if total(t, w) != 10_006 {
		t.Error("addresses after the found ones are not watched")
	}
}

// A new seed has no past to look for.
func TestNewWalletIsNotRecovered(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	w, path := create(t, newSeed(t), cfg)
	w.Close()
	cfg.RecoveryGap = wallet.DefaultRecoveryGap
	w = reopen(t, path, cfg)
	if _, ok := w.Recovery(); ok {
		t.Error("it is looked for")
	}
}
