package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// killer ends a recovery in the middle, once it looks for more than at first.
type killer struct {
	chain.Backend
	watches int
	kill    func()
}

func (k *killer) Watch(ctx context.Context, branches []chain.Branch) error {
	if k.watches++; k.watches == 2 {
		k.kill()
		return ctx.Err()
	}
	return k.Backend.Watch(ctx, branches)
}

// recovery from the words alone: only the 5000th address was used, and the
// 5000th after that. It is killed in the middle, and resumed by another process.
func recovery(t *testing.T, p *place) {
	seed := newSeed(t)
	tree, err := keys.NewTree(seed, txbuild.P2WPKH, regtest.Params)
	if err != nil {
		t.Fatal(err)
	}
	var want sats.Amount
	for i, path := range []keys.Path{{Index: 4999}, {Index: 9999}, {Index: 4999, Branch: keys.Internal}} {
		script, err := tree.Script(path)
		if err != nil {
			t.Fatal(err)
		}
		value := sats.Amount(100_000 << i)
		p.fund(t, script, value)
		want += value
	}
	p.mine(t, 1)

	backend := p.backend(t, "")
	cfg := config(backend)
	cfg.Mixdepths, cfg.RecoveryGap = 1, wallet.DefaultRecoveryGap
	ctx, cancel := context.WithCancel(timed(t))
	defer cancel()
	if _, can := backend.(chain.Scanner); !can {
		cfg.Chain = &killer{Backend: backend, kill: cancel}
	}
	path := filepath.Join(t.TempDir(), "w.jmw")
	w, err := wallet.Create(path, wallettest.Password, seed, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	changes, stop := w.Subscribe()
	defer stop()
	done := make(chan error, 1)
	go func() { done <- w.Sync(ctx) }()
	if _, can := backend.(chain.Scanner); can {
		<-changes // the coins are found; the history follows
		if r, ok := w.Recovery(); !ok || !r.Scanned || r.Found[0] != want || r.Coins != 3 {
			t.Errorf("found at first: %+v, %v", r, ok)
		}
		cancel()
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want Canceled", err)
	}
	if _, err := w.Coins(); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("coins of half a recovery: %v", err)
	}

	// A killed process leaves its files as they are now.
	killed := filepath.Join(t.TempDir(), "killed.jmw")
	copyFiles(t, path, killed)
	cfg.Chain = backend
	resumed, err := wallet.Open(killed, wallettest.Password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := p.of(t, resumed, killed)
	h.catchUp()
	if got := h.available(0); got != want {
		t.Errorf("recovered %v, want %v", got, want)
	}
	for branch, last := range map[uint32]uint32{keys.External: 9999, keys.Internal: 4999} {
		if a := h.address(0, branch); a.Path.Index != last+1 {
			t.Errorf("branch %d goes on at %d", branch, a.Path.Index)
		}
	}
}

// copyFiles copies a wallet file and what is beside it.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	files, err := filepath.Glob(from + "*")
	if err != nil || len(files) == 0 {
		t.Fatal("no wallet file", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(to+file[len(from):], data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// indexBehind: an old copy of the wallet does not know which addresses went out
// since. It finds the coins there, and hands out none of them again.
func indexBehind(t *testing.T, p *place) {
	h := p.holder(t, "")
	h.earn(0, 10_000)
	copied := filepath.Join(t.TempDir(), "old.jmw")
	copyFiles(t, h.path, copied)
	last := make(map[uint32]uint32)
	for branch, gap := range map[uint32]int{keys.External: wallet.DefaultGapLimit, keys.Internal: wallet.DefaultInternalGapLimit} {
		for range 2 { // twice the gap, and the second is seen only after the first
			var a wallet.Address
			for range gap {
				a = h.address(1, branch)
			}
			p.fund(t, a.Script, 20_000)
			last[branch] = a.Path.Index
		}
	}
	p.mine(t, 1)

	path := filepath.Join(t.TempDir(), "w.jmw")
	w, err := wallet.FromBackup(copied, path, wallettest.Password, config(p.backend(t, "old")))
	if err != nil {
		t.Fatal(err)
	}
	old := p.of(t, w, path)
	if _, err := old.NextAddress(1, keys.External); !errors.Is(err, wallet.ErrBehind) {
		t.Errorf("an address from an old copy: %v", err)
	}
	old.catchUp()
	if b := old.balances(); b[0].Available != 10_000 || b[1].Available != 80_000 {
		t.Errorf("found %+v", b)
	}
	for branch, index := range last {
		if a := old.address(1, branch); a.Path.Index <= index {
			t.Errorf("branch %d: %d is handed out after %d", branch, a.Path.Index, index)
		}
	}
}
