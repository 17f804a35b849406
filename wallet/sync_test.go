package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func balances(t testing.TB, w *wallet.Wallet) []wallet.Balance {
	t.Helper()
	b, err := w.Balances()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLifeOfACoin(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	a := next(t, w, 2, keys.External)
	out := c.Pay(a.Script, 70_000)
	sync(t, w)
	got := list(t, w)
	if len(got) != 1 || got[0].OutPoint != out || got[0].Value != 70_000 || string(got[0].Script) != string(a.Script) ||
		got[0].Mixdepth != 2 || got[0].Branch != keys.External || got[0].Index != 0 || got[0].Height != 0 {
		t.Fatalf("unconfirmed: %+v", got)
	}
	if b := balances(t, w)[2]; b != (wallet.Balance{Mixdepth: 2, Unconfirmed: 70_000}) {
		t.Errorf("unconfirmed: %+v", b)
	}
	c.Mine(3)
	sync(t, w)
	if got := list(t, w); len(got) != 1 || got[0].Confirmations(c.Height()) != 3 {
		t.Errorf("confirmed: %+v", got)
	}
	if b := balances(t, w)[2]; b != (wallet.Balance{Mixdepth: 2, Available: 70_000}) || b.Total() != 70_000 {
		t.Errorf("confirmed: %+v", b)
	}
	if err := w.Freeze(out, true); err != nil {
		t.Fatal(err)
	}
	if b := balances(t, w)[2]; b != (wallet.Balance{Mixdepth: 2, Frozen: 70_000}) || !list(t, w)[0].Frozen {
		t.Errorf("frozen: %+v", b)
	}
	if err := w.Freeze(out, false); err != nil {
		t.Fatal(err)
	}
	lease := reserve(t, w, wallet.Reservation{Mixdepth: 2, Target: 1000})
	if b := balances(t, w)[2]; b != (wallet.Balance{Mixdepth: 2, Leased: 70_000}) {
		t.Errorf("leased: %+v", b)
	}
	lease.Release()
	if tip, ok := w.Synced(); !ok || tip.Height != c.Height() {
		t.Errorf("synchronised to %v, %v", tip, ok)
	}
	if b := balances(t, w); len(b) != 5 || b[0] != (wallet.Balance{}) {
		t.Errorf("the other mixdepths: %+v", b)
	}
}

func TestRewardsMature(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	c.MineTo(next(t, w, 0, keys.External).Script, 1)
	c.Mine(int(regtest.CoinbaseMaturity) - 2)
	sync(t, w)
	if b := balances(t, w)[0]; b != (wallet.Balance{Immature: 50 * sats.PerBTC}) || len(list(t, w)) != 0 {
		t.Errorf("with 99 confirmations: %+v, %v", b, list(t, w))
	}
	c.Mine(1)
	sync(t, w)
	if b := balances(t, w)[0]; b != (wallet.Balance{Available: 50 * sats.PerBTC}) || len(list(t, w)) != 1 {
		t.Errorf("with 100 confirmations: %+v", b)
	}
	// The chain agrees about the border.
	spend(t, c, w, list(t, w)[0], 1000)
}

// The reference hands out the funded address again in this case.
func TestDepositAheadOfTheIndex(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := newSeed(t)
	ahead, _ := create(t, seed, offline())
	var far wallet.Address
	for range 4 {
		far = next(t, ahead, 1, keys.External)
	}
	w, path := create(t, seed, c.Config())
	c.Pay(far.Script, 10_000)
	sync(t, w)
	if a := next(t, w, 1, keys.External); a.Path.Index != far.Path.Index+1 {
		t.Errorf("next index %d after a deposit to %d", a.Path.Index, far.Path.Index)
	}
	w.Close()
	w = reopen(t, path, c.Config())
	if a := next(t, w, 1, keys.External); a.Path.Index != far.Path.Index+2 {
		t.Errorf("next index %d after opening again", a.Path.Index)
	}
}

func TestW9RecoveredWalletFindsAll(t *testing.T) {
	c := wallettest.NewChain(regtest)
	phrase, err := newSeed(t).Phrase()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys.ParsePhrase(phrase, secret.Text{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	old, _ := create(t, seed, offline())
	defer old.Close()
	// Gaps just below the limits, 6 and 10, again and again.
	var want sats.Amount
	var last [2]uint32
	for branch, gap := range []int{6, 10} {
		for i := range 8 * gap {
			a := next(t, old, 3, uint32(branch))
			if i%gap == gap-1 {
				want += 1000
				c.Pay(a.Script, 1000)
				c.Mine(1)
				last[branch] = a.Path.Index
			}
		}
	}
	w, _ := create(t, seed, c.Config())
	defer w.Close()
	sync(t, w)
	if got := total(t, w); got != want {
		t.Errorf("found %v, want %v", got, want)
	}
	for branch, index := range last {
		if a := next(t, w, 3, uint32(branch)); a.Path.Index != index+1 {
			t.Errorf("branch %d: next index %d after %d", branch, a.Path.Index, index)
		}
	}
	// A wallet that runs finds the same when the deposits come one by one.
	for range 40 {
		a := next(t, old, 3, keys.External)
		c.Pay(a.Script, 1000)
		want += 1000
		sync(t, w)
	}
	if got := total(t, w); got != want {
		t.Errorf("found %v live, want %v", got, want)
	}
}

func TestManyAddressesOutAtOnce(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	var last wallet.Address
	for range 100 { // far past what was watched at first
		last = next(t, w, 0, keys.Internal)
	}
	c.Pay(last.Script, 5000)
	sync(t, w)
	if got := total(t, w); got != 5000 {
		t.Errorf("the wallet has %v, want the deposit to its own address", got)
	}
}

func TestD5ReorganisationOfSixBlocks(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{100_000})
	old := list(t, w)[0]

	// Six blocks with a deposit and a spend that the reorganisation takes back.
	deposit := c.Pay(next(t, w, 1, keys.External).Script, 40_000)
	c.Mine(3)
	spend(t, c, w, old, 1000)
	c.Mine(3)
	sync(t, w)
	if got := total(t, w); got != 40_000 {
		t.Fatalf("before: %v", got)
	}

	c.Reorg(6)
	sync(t, w)
	if tip, ok := w.Synced(); !ok || tip.Height != c.Height() {
		t.Errorf("at height %d, want %d", tip.Height, c.Height())
	}
	// Both are back in the mempool.
	if b := balances(t, w); b[0] != (wallet.Balance{}) || b[1] != (wallet.Balance{Mixdepth: 1, Unconfirmed: 40_000}) {
		t.Errorf("after: %+v", b[:2])
	}
	// The deposit is replaced for good, the spend forgotten: the old coin lives.
	if c.DoubleSpend(deposit.Hash) == nil {
		t.Fatal("the deposit is not in the mempool")
	}
	for _, tx := range c.Mempool() {
		if tx.TxIn[0].PreviousOutPoint == old.OutPoint {
			c.Evict(tx.TxHash())
		}
	}
	c.Mine(1)
	sync(t, w)
	if b := balances(t, w); b[0] != (wallet.Balance{Available: 100_000}) || b[1] != (wallet.Balance{Mixdepth: 1}) {
		t.Errorf("at the end: %+v", b[:2])
	}
	if got := list(t, w)[0]; got.OutPoint != old.OutPoint || got.Height != old.Height {
		t.Errorf("at the end: %+v, want %+v", got, old)
	}
}

func TestD4EvictedThenNeverReused(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := newSeed(t)
	w, path := create(t, seed, c.Config())
	payee, _ := create(t, seed, offline())
	a := next(t, payee, 0, keys.Internal)
	out := c.Pay(a.Script, 9000)
	sync(t, w)
	if total(t, w) != 9000 {
		t.Fatal("the deposit is not seen")
	}
	if !c.Evict(out.Hash) {
		t.Fatal("nothing to evict")
	}
	sync(t, w)
	if got := total(t, w); got != 0 {
		t.Errorf("%v left of an evicted deposit", got)
	}
	w.Close()
	w = reopen(t, path, c.Config())
	sync(t, w)
	if b := next(t, w, 0, keys.Internal); b.Path.Index != a.Path.Index+1 {
		t.Errorf("index %d is handed out after %d was paid and evicted", b.Path.Index, a.Path.Index)
	}
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

// flakyDisk fails one new file.
type flakyDisk struct {
	durable.System
	failAt, count int
}

var errDisk = errors.New("no space left on device")

func (d *flakyDisk) Create(name string, perm fs.FileMode) (durable.File, error) {
	if d.count++; d.count == d.failAt {
		return nil, errDisk
	}
	return d.System.Create(name, perm)
}

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

func TestFrozenSurvives(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path := create(t, newSeed(t), c.Config())
	out := c.Pay(next(t, w, 0, keys.External).Script, 9000)
	c.Mine(1)
	sync(t, w)
	if err := w.Freeze(wire.OutPoint{Index: 3}, true); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("freezing a foreign coin: %v", err)
	}
	if err := w.Freeze(out, true); err != nil {
		t.Fatal(err)
	}
	w.Close()
	w = reopen(t, path, c.Config())
	sync(t, w)
	if !list(t, w)[0].Frozen {
		t.Error("thawed by opening again")
	}
	// The coin leaves the chain and comes back.
	c.Reorg(1)
	sync(t, w)
	c.Mine(1)
	sync(t, w)
	if got := list(t, w); len(got) != 1 || !got[0].Frozen {
		t.Errorf("thawed by a reorganisation: %+v", got)
	}
	if err := w.Freeze(out, false); err != nil {
		t.Fatal(err)
	}
	w.Close()
	w = reopen(t, path, c.Config())
	sync(t, w)
	if list(t, w)[0].Frozen {
		t.Error("frozen again by opening")
	}
}
