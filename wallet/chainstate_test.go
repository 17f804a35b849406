package wallet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// sideFile is the file with the state of the chain.
func sideFile(path string) string { return path + ".chain" }

// known is what a wallet shows.
func known(t testing.TB, w *wallet.Wallet) string {
	t.Helper()
	all := list(t, w)
	slices.SortFunc(all, func(a, b coins.Coin) int { return bytes.Compare(a.OutPoint.Hash[:], b.OutPoint.Hash[:]) })
	tip, _ := w.Synced()
	text := fmt.Sprint(tip.Height, tip.Hash, balances(t, w))
	for _, c := range all {
		text += fmt.Sprint("\n", c.OutPoint, c.Value, c.Mixdepth, c.Branch, c.Index, c.Height, c.Frozen, len(c.Script))
	}
	for m := range w.Mixdepths() {
		text += fmt.Sprint("\n", next(t, w, m, keys.External).Path, next(t, w, m, keys.Internal).Path)
	}
	return text
}

// After a start the last state is shown, as an old one, and nothing is spent
// until the node has answered. The node is asked for what is new only.
func TestStoredState(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	w, path := create(t, newSeed(t), cfg)
	c.Pay(next(t, w, 2, keys.External).Script, 70_000)
	c.Mine(3)
	c.Pay(next(t, w, 2, keys.Internal).Script, 5_000)
	sync(t, w)
	before, _ := w.Synced()
	w.Close()

	cfg.Chain = nil // and offline
	w = reopen(t, path, cfg)
	if tip, fresh := w.Synced(); tip.BlockID != before.BlockID || fresh {
		t.Errorf("%v, synchronised %v; want %v", tip, fresh, before)
	}
	if b := balances(t, w)[2]; b.Available != 70_000 || b.Unconfirmed != 5_000 {
		t.Errorf("%+v", b)
	}
	w.Close()

	cfg = c.Config()
	node := cfg.Chain.(*wallettest.Backend)
	r := &recorder{Backend: cfg.Chain, branches: map[string]chain.Branch{}}
	cfg.Chain = r
	node.SetDown(errors.New("off"))
	w = reopen(t, path, cfg)
	reservation := wallet.Reservation{Mixdepth: 2, Target: 1000, TTL: time.Minute}
	for range 2 {
		if total(t, w) != 75_000 {
			t.Errorf("%v are shown", total(t, w))
		}
		if _, err := w.Reserve(reservation); !errors.Is(err, wallet.ErrNotSynced) {
			t.Errorf("Reserve: %v", err)
		}
		if err := w.Sync(t.Context()); err == nil {
			t.Fatal("synchronised without a node")
		}
	}
	node.SetDown(nil)
	c.Mine(1)
	sync(t, w)
	if b := balances(t, w)[2]; r.rescans != 0 || b.Available != 75_000 {
		t.Errorf("searched %d times from the beginning: %+v", r.rescans, b)
	}
	reserve(t, w, reservation)
}

// TestW1StoredStateIsNeverNeeded: without the file, or with one that is damaged
// or of another wallet, everything comes from the node.
func TestW1StoredStateIsNeverNeeded(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path := create(t, newSeed(t), c.Config())
	c.Pay(next(t, w, 0, keys.External).Script, 70_000)
	c.Mine(1)
	sync(t, w)
	w.Close()
	other, otherPath := create(t, newSeed(t), c.Config())
	sync(t, other)
	other.Close()
	good := read(t, sideFile(path))
	for name, spoil := range map[string]func(){
		"no file":           func() { os.Remove(sideFile(path)) },
		"empty":             func() { os.WriteFile(sideFile(path), nil, 0o600) },
		"damaged":           func() { os.WriteFile(sideFile(path), append(bytes.Clone(good[:200]), good[201:]...), 0o600) },
		"of another wallet": func() { os.WriteFile(sideFile(path), read(t, sideFile(otherPath)), 0o600) },
		"a folder":          func() { os.Remove(sideFile(path)); os.Mkdir(sideFile(path), 0o700) },
	} {
		spoil()
		w, err := wallet.Open(path, wallettest.Password, c.Config())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := w.Coins(); !errors.Is(err, wallet.ErrNotSynced) {
			t.Errorf("%s: Coins: %v; unknown is not zero", name, err)
		}
		sync(t, w)
		if total(t, w) != 70_000 {
			t.Errorf("%s: found %v", name, total(t, w))
		}
		w.Close()
		os.RemoveAll(sideFile(path))
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sideDisk fails one operation on the state of the chain, and all after it.
type sideDisk struct {
	durable.System
	on            bool
	failAt, count int
}

func (d *sideDisk) step() error {
	if !d.on {
		return nil
	}
	if d.count++; d.failAt > 0 && d.count >= d.failAt {
		return errDisk
	}
	return nil
}

func (d *sideDisk) Create(name string, perm fs.FileMode) (durable.File, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	f, err := d.System.Create(name, perm)
	return sideDiskFile{f, d}, err
}

func (d *sideDisk) Rename(from, to string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.System.Rename(from, to)
}

func (d *sideDisk) SyncDir(name string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.System.SyncDir(name)
}

type sideDiskFile struct {
	durable.File
	d *sideDisk
}

func (f sideDiskFile) Write(b []byte) (int, error) {
	if err := f.d.step(); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f sideDiskFile) Sync() error {
	if err := f.d.step(); err != nil {
		return err
	}
	return f.File.Sync()
}

// TestW2StoredStateCutAtEveryOperation: it is the old one or the new, and the
// wallet works in spite of it.
func TestW2StoredStateCutAtEveryOperation(t *testing.T) {
	const oldValue, newValue = 1000, 1200
	operations := 0
	for failAt := 0; failAt <= operations; failAt++ {
		c := wallettest.NewChain(regtest)
		w, path := create(t, newSeed(t), c.Config())
		c.Pay(next(t, w, 0, keys.External).Script, oldValue)
		second := next(t, w, 0, keys.External).Script
		c.Mine(1)
		sync(t, w)
		w.Close()

		disk := &sideDisk{System: durable.OS, failAt: failAt}
		cfg := c.Config()
		cfg.Files = disk
		w, err := wallet.Open(path, wallettest.Password, cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.Pay(second, newValue-oldValue)
		c.Mine(1)
		disk.on = true
		if failAt == 0 {
			sync(t, w)
		} else if err := w.Sync(t.Context()); err != nil {
			t.Errorf("operation %d failed, and the synchronisation: %v", failAt, err)
		}
		operations = max(operations, disk.count)
		if total(t, w) != newValue {
			t.Errorf("operation %d failed: %v", failAt, total(t, w))
		}
		w.Close() // a crash as far as the file goes: every further operation fails

		w, err = wallet.Open(path, wallettest.Password, c.Config())
		if err != nil {
			t.Fatal(err)
		}
		if v := total(t, w); v != newValue && (v != oldValue || failAt == 0) {
			t.Errorf("cut at operation %d: %v is shown", failAt, v)
		}
		sync(t, w)
		if total(t, w) != newValue {
			t.Errorf("cut at operation %d: %v in the end", failAt, total(t, w))
		}
		w.Close()
	}
	if operations < 5 {
		t.Errorf("only %d operations", operations)
	}
}

// TestStoredStateIsAsGoodAsNew: whatever happened to the chain while the wallet
// was closed, going on from the stored state leads to what a search from the
// beginning finds.
func TestStoredStateIsAsGoodAsNew(t *testing.T) {
	for round := range 10 {
		random := rand.New(rand.NewPCG(uint64(round), 1))
		c := wallettest.NewChain(regtest)
		cfg := c.Config()
		cfg.Mixdepths = 1
		w, path := create(t, newSeed(t), cfg)
		var scripts [][]byte
		for session := range 6 {
			for range random.IntN(8) {
				scripts = append(scripts, next(t, w, random.IntN(w.Mixdepths()), uint32(random.IntN(2))).Script)
			}
			for range 5 {
				changeChain(random, c, scripts)
				if random.IntN(3) == 0 {
					sync(t, w)
				}
			}
			if random.IntN(4) > 0 {
				sync(t, w)
			}
			w.Close()
			stored := read(t, sideFile(path))
			for range random.IntN(5) {
				changeChain(random, c, scripts)
			}
			file := read(t, path)

			w = openOnce(t, path, c.Config())
			sync(t, w)
			fromStored := known(t, w)
			w.Close()
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			os.Remove(sideFile(path))
			w = openOnce(t, path, c.Config())
			sync(t, w)
			if fresh := known(t, w); fresh != fromStored {
				t.Fatalf("round %d, session %d: from the beginning\n%s\nfrom the stored state\n%s", round, session, fresh, fromStored)
			}
			w.Close()
			// The next session goes on from this one's state.
			if err := os.WriteFile(sideFile(path), stored, 0o600); err != nil {
				t.Fatal(err)
			}
			w = openOnce(t, path, c.Config())
		}
		w.Close()
	}
}

func openOnce(t testing.TB, path string, cfg wallet.Config) *wallet.Wallet {
	t.Helper()
	w, err := wallet.Open(path, wallettest.Password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// changeChain lets something happen.
func changeChain(random *rand.Rand, c *wallettest.Chain, scripts [][]byte) {
	mempool := c.Mempool()
	switch n := random.IntN(10); {
	case n < 4 && len(scripts) > 0:
		c.Pay(scripts[random.IntN(len(scripts))], sats.Amount(1000+random.IntN(1e6)))
	case n < 7:
		c.Mine(1 + random.IntN(3))
	case n == 7 && c.Height() > 7:
		c.Reorg(1 + random.IntN(6))
	case n == 8 && len(mempool) > 0:
		c.Evict(mempool[random.IntN(len(mempool))].TxHash())
	case n == 9 && len(mempool) > 0:
		c.DoubleSpend(mempool[random.IntN(len(mempool))].TxHash())
	}
}

// A state in which more addresses were wanted than watched must not claim their
// past: their search failed before the wallet was closed.
func TestStoredStateClaimsNoPastItHasNot(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.Mixdepths = 1
	node := &flaky{Backend: cfg.Chain}
	cfg.Chain = node
	seed := newSeed(t)
	ahead, _ := create(t, seed, offline())
	defer ahead.Close()
	var a [15]wallet.Address
	for i := range a {
		a[i] = next(t, ahead, 0, keys.External)
	}
	w, path := create(t, seed, cfg)
	sync(t, w)
	c.Pay(a[14].Script, 1000) // not watched yet
	c.Mine(1)
	sync(t, w)
	c.Pay(a[8].Script, 200) // makes the wallet watch it
	c.Mine(1)
	node.failAt = node.calls + 3 // the Sync after the Watch of more
	if err := w.Sync(t.Context()); err == nil || total(t, w) != 0 {
		t.Fatalf("%v, %v found", err, total(t, w))
	}
	w.Close()
	cfg.Chain = c.Backend()
	w = reopen(t, path, cfg)
	sync(t, w)
	if total(t, w) != 1200 {
		t.Errorf("found %v", total(t, w))
	}
}
