package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// recorder keeps what the wallet asks its backend to watch.
type recorder struct {
	chain.Backend
	branches map[string]chain.Branch
	watches  int // calls of Watch
	rescans  int // calls of Sync from the beginning
}

func (r *recorder) Watch(ctx context.Context, branches []chain.Branch) error {
	r.watches++
	for _, b := range branches {
		r.branches[b.Descriptor] = b
	}
	return r.Backend.Watch(ctx, branches)
}

func (r *recorder) Sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if since == (chain.BlockID{}) {
		r.rescans++
	}
	return r.Backend.Sync(ctx, since)
}

func TestWatchedBranches(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.GapLimit, cfg.InternalGapLimit, cfg.Mixdepths = 0, 0, 2
	r := &recorder{Backend: cfg.Chain, branches: make(map[string]chain.Branch)}
	cfg.Chain = r
	before := time.Now()
	w := wallettest.NewWith(t, c, cfg)
	if len(r.branches) != 4 {
		t.Fatalf("%d branches are watched", len(r.branches))
	}
	for _, d := range slices.Sorted(maps.Keys(r.branches)) {
		b := r.branches[d]
		least := uint32(wallet.DefaultGapLimit)
		if strings.HasSuffix(d, "/1/*)") {
			least = wallet.DefaultInternalGapLimit
		}
		if b.Count < least || b.Birth.IsZero() || b.Birth.After(before) {
			t.Errorf("%s: %d addresses, born %v", d, b.Count, b.Birth)
		}
	}
	a := next(t, w, 1, keys.Internal)
	found := false
	for d, b := range r.branches {
		script, err := b.Script(0)
		if err != nil {
			t.Fatal(err)
		}
		if string(script) == string(a.Script) {
			found = strings.HasPrefix(d, "wpkh([") && strings.Contains(d, "/84h/1h/1h]tpub") && strings.HasSuffix(d, "/1/*)")
		}
	}
	if !found {
		t.Error("the first internal address of mixdepth 1 is not watched under its descriptor")
	}
	// Watching more is rare, as each time the chain is looked at anew.
	for range 200 {
		next(t, w, 0, keys.External)
		sync(t, w)
	}
	if r.watches > 5 || r.rescans > r.watches {
		t.Errorf("for 200 addresses Watch was called %d times, Sync from the beginning %d times", r.watches, r.rescans)
	}
}

func TestRunFollowsTheChain(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	a := next(t, w, 0, keys.External)
	changes, cancel := w.Subscribe()
	defer cancel()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	await := func(what string, cond func() bool) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for !cond() {
			select {
			case <-changes:
			case <-deadline:
				t.Fatalf("%s: not seen", what)
			}
		}
	}
	c.Pay(a.Script, 12_345)
	await("deposit", func() bool { return balances(t, w)[0].Unconfirmed == 12_345 })
	c.Mine(1)
	await("block", func() bool { return balances(t, w)[0].Available == 12_345 })
	c.Reorg(1)
	await("reorganisation", func() bool { return balances(t, w)[0].Unconfirmed == 12_345 })
	// Addresses far ahead are watched without being asked for.
	var last wallet.Address
	for range 200 {
		last = next(t, w, 4, keys.Internal)
	}
	c.Pay(last.Script, 777)
	await("deposit far ahead", func() bool { return balances(t, w)[4].Unconfirmed == 777 })
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// announcer tells when the wallet has asked its backend to watch more.
type announcer struct {
	chain.Backend
	grown chan uint32 // the largest count
}

func (a *announcer) Watch(ctx context.Context, branches []chain.Branch) error {
	var most uint32
	for _, b := range branches {
		most = max(most, b.Count)
	}
	if err := a.Backend.Watch(ctx, branches); err != nil {
		return err
	}
	a.grown <- most
	return nil
}

// The chain does not stir, yet every address that goes out is watched.
func TestRunWatchesWhatIsHandedOut(t *testing.T) {
	cfg := wallettest.NewChain(regtest).Config()
	a := &announcer{cfg.Chain, make(chan uint32, 1)}
	cfg.Chain = a
	w, _ := create(t, newSeed(t), cfg)
	defer w.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	const addresses = 100
	deadline := time.After(30 * time.Second)
	await := func(least uint32) {
		t.Helper()
		for count := uint32(0); count < least; {
			select {
			case count = <-a.grown:
			case <-deadline:
				t.Fatalf("fewer than %d addresses are watched", least)
			}
		}
	}
	await(1)
	for range addresses {
		next(t, w, 0, keys.Internal)
	}
	await(addresses)
	stop()
	// Run may be about to announce once more.
	for {
		select {
		case <-a.grown:
			continue
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		break
	}
}

func TestD5RunTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wallettest.NewChain(regtest)
		cfg := c.Config()
		node := cfg.Chain.(*wallettest.Backend)
		w := wallettest.NewWith(t, c, cfg)
		a := next(t, w, 0, keys.External)
		node.SetDown(errors.New("starting up"))
		c.Pay(a.Script, 4000)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, ok := w.Synced(); ok {
			t.Error("synchronised with a lost node")
		}
		node.SetDown(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, ok := w.Synced(); !ok || total(t, w) != 4000 {
			t.Error("the node is back for a minute, the wallet is not")
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// stranger is a node of another network.
type stranger struct{ chain.Backend }

func (stranger) Watch(context.Context, []chain.Branch) error {
	return fmt.Errorf("%w: main", chain.ErrWrongNetwork)
}

func TestD5WrongNetworkEndsRun(t *testing.T) {
	cfg := wallettest.NewChain(regtest).Config()
	cfg.Chain = stranger{cfg.Chain}
	w, _ := create(t, newSeed(t), cfg)
	defer w.Close()
	if err := w.Run(t.Context()); !errors.Is(err, chain.ErrWrongNetwork) {
		t.Errorf("Run: %v", err)
	}
	if _, err := w.Coins(); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("Coins: %v", err)
	}
}
