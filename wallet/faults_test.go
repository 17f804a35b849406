package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// A failure between watching more addresses and fetching their past must not
// lose that past, neither of the node nor, when indices are saved, of the disk.
func TestFailureAfterWatching(t *testing.T) {
	for failing := 1; ; failing++ {
		node, disk := &flaky{}, &flakyDisk{System: durable.OS}
		w, want := beforeGrowth(t, node, disk)
		node.failAt = node.calls + failing
		if err := w.Sync(t.Context()); err == nil {
			if failing <= 5 {
				t.Errorf("only %d calls to fail", failing-1)
			}
			break
		}
		sync(t, w)
		if got := total(t, w); got != want {
			t.Errorf("call %d failed: found %v, want %v", failing, got, want)
		}
	}
	for failing := 1; failing <= 2; failing++ {
		node, disk := &flaky{}, &flakyDisk{System: durable.OS}
		w, want := beforeGrowth(t, node, disk)
		disk.failAt = disk.count + failing
		if err := w.Sync(t.Context()); !errors.Is(err, errDisk) {
			t.Fatalf("save %d: %v", failing, err)
		}
		if _, ok := w.Synced(); ok {
			t.Error("D7: synchronised with indices that are not saved")
		}
		sync(t, w)
		if got := total(t, w); got != want {
			t.Errorf("D7: save %d failed: found %v, want %v", failing, got, want)
		}
	}
}

// beforeGrowth returns a synchronised wallet and the value of its coins: one is
// in an old block and beyond what is watched; another, which makes the wallet
// watch that, came after the last synchronisation.
func beforeGrowth(t *testing.T, node *flaky, disk *flakyDisk) (*wallet.Wallet, sats.Amount) {
	t.Helper()
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.Mixdepths = 1
	node.Backend, cfg.Chain, cfg.Files = cfg.Chain, node, disk
	seed := newSeed(t)
	ahead, _ := create(t, seed, offline())
	var a [15]wallet.Address
	for i := range a {
		a[i] = next(t, ahead, 0, keys.External)
	}
	w, _ := create(t, seed, cfg)
	t.Cleanup(func() { w.Close(); ahead.Close() })
	sync(t, w)
	c.Pay(a[14].Script, 1000)
	c.Mine(1)
	sync(t, w)
	if got := total(t, w); got != 0 {
		t.Fatalf("%v found: the address was watched already", got)
	}
	c.Pay(a[8].Script, 200)
	c.Mine(1)
	return w, 1200
}

// flaky fails one call of Watch or Sync.
type flaky struct {
	chain.Backend
	failAt, calls int
}

func (f *flaky) fail() error {
	if f.calls++; f.calls == f.failAt {
		return fmt.Errorf("%w: call %d", chain.ErrUnreachable, f.calls)
	}
	return nil
}

func (f *flaky) Watch(ctx context.Context, branches []chain.Branch) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Backend.Watch(ctx, branches)
}

func (f *flaky) Sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if err := f.fail(); err != nil {
		return chain.Update{}, err
	}
	return f.Backend.Sync(ctx, since)
}

// flakyDisk fails one new file; backups do not count.
type flakyDisk struct {
	durable.System
	failAt, count int
}

var errDisk = errors.New("no space left on device")

func (d *flakyDisk) Create(name string, perm fs.FileMode) (durable.File, error) {
	if filepath.Base(filepath.Dir(name)) == "backups" {
		return d.System.Create(name, perm)
	}
	if d.count++; d.count == d.failAt {
		return nil, errDisk
	}
	return d.System.Create(name, perm)
}

func TestD5LostNodeIsNotAnEmptyWallet(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	node := cfg.Chain.(*wallettest.Backend)
	w := wallettest.NewWith(t, c, cfg, []sats.Amount{30_000})
	changes, cancel := w.Subscribe()
	defer cancel()

	node.SetDown(errors.New("connection refused"))
	if err := w.Sync(t.Context()); !errors.Is(err, chain.ErrUnreachable) {
		t.Fatalf("Sync: %v", err)
	}
	<-changes // that the node is lost
	if tip, ok := w.Synced(); ok || tip.Height != c.Height() {
		t.Errorf("without node: height %d, synchronised %v", tip.Height, ok)
	}
	if total(t, w) != 30_000 || balances(t, w)[0].Available != 30_000 {
		t.Error("the coins went with the node")
	}
	r := wallet.Reservation{Target: 1, TTL: time.Minute}
	if _, err := w.Reserve(r); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("Reserve: %v", err)
	}
	node.SetDown(nil)
	sync(t, w)
	<-changes
	reserve(t, w, r)
}
