package wallet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
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
	if err := w.Freeze(coins.ByUser, out); err != nil {
		t.Fatal(err)
	}
	if b := balances(t, w)[2]; b != (wallet.Balance{Mixdepth: 2, Frozen: 70_000}) || !list(t, w)[0].Frozen {
		t.Errorf("frozen: %+v", b)
	}
	if err := w.Thaw(out); err != nil {
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

func TestFrozenSurvives(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path := create(t, newSeed(t), c.Config())
	out := c.Pay(next(t, w, 0, keys.External).Script, 9000)
	c.Mine(1)
	sync(t, w)
	if err := w.Freeze(coins.ByUser, wire.OutPoint{Index: 3}); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("freezing a foreign coin: %v", err)
	}
	if err := w.Freeze(coins.ByUser, out); err != nil {
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
	if err := w.Thaw(out); err != nil {
		t.Fatal(err)
	}
	w.Close()
	w = reopen(t, path, c.Config())
	sync(t, w)
	if list(t, w)[0].Frozen {
		t.Error("frozen again by opening")
	}
}
