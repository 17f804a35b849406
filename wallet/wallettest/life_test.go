package wallettest_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

const (
	lives     = 100
	steps     = 30
	mixdepths = 2
	// recoveryGap is what a life hands out on a branch at most: no step takes
	// two addresses of one.
	recoveryGap = steps
)

// FuzzLife lets anything happen to a wallet, in a random order that its number
// decides, and holds it to the laws of laws_test.go. A life that broke one is
// lived again with -run 'FuzzLife/seed#<number>'.
func FuzzLife(f *testing.F) {
	for n := range uint64(lives) {
		f.Add(n)
	}
	lived, sent := 0, 0
	f.Cleanup(func() {
		if lived >= lives && sent < 2*lives {
			f.Errorf("only %d transactions in %d lives: the laws were not tested", sent, lived)
		}
	})
	f.Fuzz(func(t *testing.T, n uint64) {
		l := newLife(t, rand.New(rand.NewPCG(n, 3)))
		for range steps {
			l.sync()
			l.obey()
			l.step()
		}
		l.crash(durabletest.Kept)
		l.sync()
		l.obey()
		l.recover()
		lived, sent = lived+1, sent+l.sent
	})
}

// life is a wallet, what happened to it, and what it must not have forgotten.
type life struct {
	*wallet.Wallet
	t     *testing.T
	rng   *rand.Rand
	chain *wallettest.Chain
	other *wallet.Wallet // of somebody who joins
	seed  keys.Seed
	cfg   wallet.Config
	disk  *durabletest.Disk
	path  string

	scripts [][]byte               // of all addresses that went out, in their order
	given   map[string]keys.Path   // the same, by script
	frozen  map[wire.OutPoint]bool // by the user; false: thawed
	leases  []*coins.Lease         // that were not released
	sent    int                    // own transactions
}

func newLife(t *testing.T, rng *rand.Rand) *life {
	c := wallettest.NewChain(&chaincfg.RegressionNetParams)
	entropy := make([]byte, 16)
	for i := range entropy {
		entropy[i] = byte(rng.Uint32())
	}
	seed, err := keys.SeedOf(secret.NewBytes(entropy), secret.Text{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{
		t: t, rng: rng, chain: c, seed: seed, path: filepath.Join(t.TempDir(), "w.jmw"),
		other: wallettest.New(t, c, []sats.Amount{5_000_000, 6_000_000, 7_000_000}),
		given: make(map[string]keys.Path), frozen: make(map[wire.OutPoint]bool),
	}
	l.cfg = c.Config()
	l.cfg.Mixdepths = mixdepths
	l.disk = durabletest.New(durabletest.Fault{})
	l.cfg.Files = l.disk
	if l.Wallet, err = wallet.Create(l.path, wallettest.Password, l.copySeed(), l.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// copySeed is for a wallet to wipe.
func (l *life) copySeed() keys.Seed {
	seed, err := keys.SeedOf(secret.NewBytes(slices.Clone(l.seed.Entropy().Reveal())), secret.Text{}, time.Time{})
	if err != nil {
		l.t.Fatal(err)
	}
	return seed
}

func (l *life) sync() {
	l.t.Helper()
	if err := l.Sync(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) coins() []coins.Coin {
	l.t.Helper()
	all, err := l.Coins()
	if err != nil {
		l.t.Fatal(err)
	}
	return all
}

// may fails the test unless the error is one of those that may come.
func (l *life) may(err error, allowed ...error) {
	l.t.Helper()
	if err != nil && !slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) {
		l.t.Fatal(err)
	}
}

// step does one thing.
func (l *life) step() {
	mempool := l.chain.Mempool()
	victim := func() *wire.MsgTx { return mempool[l.rng.IntN(len(mempool))] }
	switch n := l.rng.IntN(24); {
	case n < 5:
		l.chain.Pay(l.address(l.rng.IntN(mixdepths), l.rng.Uint32N(2)), l.amount())
	case n == 5 && len(l.scripts) > 0: // perhaps a second time: W12
		l.chain.Pay(l.scripts[l.rng.IntN(len(l.scripts))], l.amount())
	case n < 9:
		l.chain.Mine(1 + l.rng.IntN(3))
	case n == 9 && l.chain.Height() > 12:
		l.chain.Reorg(1 + l.rng.IntN(6))
	case n == 10 && len(mempool) > 0:
		l.chain.Evict(victim().TxHash())
	case n == 11 && len(mempool) > 0:
		l.chain.DoubleSpend(victim().TxHash())
	case n == 12:
		l.freeze()
	case n < 15:
		l.pay()
	case n == 15:
		l.bump()
	case n < 19:
		l.join()
	case n == 19:
		l.reserve()
	case n == 20:
		_, err := l.Resend(l.t.Context())
		l.may(err, chain.ErrRejected) // its coin may be gone
	case n == 21:
		if p := l.Pending(); len(p) > 0 {
			l.may(l.Forget(p[l.rng.IntN(len(p))].ID))
		}
	case n == 22:
		losses := durabletest.Losses()
		l.crash(losses[l.rng.IntN(len(losses))])
	}
}

func (l *life) amount() sats.Amount { return sats.Amount(3000 + l.rng.Int64N(1e6)) }

// address hands one out, for the first time.
func (l *life) address(mixdepth int, branch uint32) []byte {
	l.t.Helper()
	a, err := l.NextAddress(mixdepth, branch)
	if err != nil {
		l.t.Fatal(err)
	}
	l.give(a.Script, a.Path)
	return a.Script
}

func (l *life) give(script []byte, path keys.Path) {
	l.t.Helper()
	if was, twice := l.given[string(script)]; twice {
		l.t.Fatalf("D1: the address of %v is handed out again", was)
	}
	l.given[string(script)] = path
	l.scripts = append(l.scripts, script)
}

// freeze or thaw a coin.
func (l *life) freeze() {
	all := l.coins()
	if len(all) == 0 {
		return
	}
	c := all[l.rng.IntN(len(all))]
	if l.frozen[c.OutPoint] = !c.Frozen; c.Frozen {
		l.may(l.Thaw(c.OutPoint))
	} else {
		l.may(l.Freeze(coins.ByUser, c.OutPoint))
	}
}

// reserve sets coins aside, or gives some back.
func (l *life) reserve() {
	if len(l.leases) > 0 && l.rng.IntN(2) == 0 {
		l.leases[0].Release()
		l.leases = l.leases[1:]
		return
	}
	if lease := l.lease(); lease != nil {
		l.leases = append(l.leases, lease)
	}
}

// lease takes coins for somebody; nil without such coins.
func (l *life) lease() *coins.Lease {
	taken := l.taken()
	lease, err := l.Reserve(wallet.Reservation{
		Mixdepth: l.rng.IntN(mixdepths), Target: l.amount(), MinConf: 1, TTL: time.Hour,
	})
	l.may(err, coins.ErrFunds)
	if err != nil {
		return nil
	}
	for _, c := range lease.Coins {
		if taken[c.OutPoint] || c.Frozen || c.Mixdepth != lease.Coins[0].Mixdepth {
			l.t.Errorf("D2, M28, P5: %+v is given out", c)
		}
	}
	return lease
}

func (l *life) paying() spend.Config {
	return spend.Config{
		Wallet: l.Wallet, Node: l.Chain(), Mempool: l.Chain().(chain.Mempool), Hold: time.Hour,
		Fee: feerate.Policy{Rate: sats.Amount(1000 + l.rng.Int64N(20_000)), Absurd: 30_000, Share: 20},
	}
}

func agree(spend.Quote) error { return nil }

// pay somebody, or sweep.
func (l *life) pay() {
	p := spend.Payment{Mixdepth: l.rng.IntN(mixdepths), Sweep: l.rng.IntN(5) == 0, MinConf: l.rng.Int32N(2)}
	p.Outputs = []txbuild.Output{{Script: nobody}}
	if !p.Sweep {
		p.Outputs[0].Value = l.amount() / 2
	}
	taken := l.taken()
	r, err := spend.Pay(l.t.Context(), l.paying(), p, agree)
	l.may(err, coins.ErrFunds, feerate.ErrShare, feerate.ErrAbsurd, spend.ErrPayment, spend.ErrDust, txbuild.ErrFunds)
	if err == nil {
		l.spent(r, taken, p.Mixdepth)
	}
}

// nobody is a script whose coins are lost.
var nobody = append([]byte{0, 20}, make([]byte, 20)...)

// bump raises the fee of an own transaction.
func (l *life) bump() {
	pending := l.Pending()
	if len(pending) == 0 {
		return
	}
	r, err := spend.BumpFee(l.t.Context(), l.paying(),
		spend.Raise{TxID: pending[l.rng.IntN(len(pending))].ID, Output: spend.NoOutput}, agree)
	l.may(err, spend.ErrConfirmed, spend.ErrPaysMore, spend.ErrDescendants, spend.ErrNoPayer, coins.ErrLeased, wallet.ErrFrozen,
		wallet.ErrNotOurs, spend.ErrCoin, feerate.ErrShare, feerate.ErrAbsurd, chain.ErrRejected, chain.ErrNotInMempool, wallet.ErrNoRecord)
	if err == nil {
		l.spent(r, nil, r.Quote.Inputs[0].Mixdepth)
	}
}

// join makes a CoinJoin with the other wallet: equal outputs, and change for
// each. Sometimes it ends before the signatures, or after those of one.
func (l *life) join() {
	lease := l.lease()
	if lease == nil {
		return
	}
	defer lease.Release()
	if err := l.other.Sync(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	theirs, err := l.other.Reserve(wallet.Reservation{Target: 1_500_000, TTL: time.Hour})
	if err != nil {
		return // they are out of coins
	}
	defer theirs.Release()
	const fee, dust = 4000, 3000
	amount := coins.Sum(lease.Coins) - fee
	if amount > 2*dust {
		amount -= dust + sats.Amount(l.rng.Int64N(int64(amount-2*dust)))
	}
	mixdepth := lease.Coins[0].Mixdepth
	tx := wire.NewMsgTx(2)
	pay := func(value sats.Amount, script []byte) {
		if value > 0 {
			tx.AddTxOut(wire.NewTxOut(int64(value), script))
		}
	}
	pay(amount, l.address((mixdepth+1)%mixdepths, keys.Internal))
	pay(coins.Sum(lease.Coins)-amount-fee, l.address(mixdepth, keys.Internal))
	for i, value := range []sats.Amount{amount, coins.Sum(theirs.Coins) - amount - fee} {
		a, err := l.other.NextAddress(i, keys.Internal)
		if err != nil {
			l.t.Fatal(err)
		}
		pay(value, a.Script)
	}
	for _, c := range slices.Concat(lease.Coins, theirs.Coins) {
		tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	}
	end := l.rng.IntN(8)
	if amount <= 0 || end == 0 {
		return
	}
	l.may(l.SignTx(tx, lease.Coins))
	l.may(l.other.SignTx(tx, theirs.Coins))
	if end == 1 {
		return
	}
	if end == 2 { // the other one sends it, or somebody who was told
		l.may(l.chain.Backend().Broadcast(l.t.Context(), tx))
		l.sync() // before the lease ends
		return
	}
	l.may(l.Publish(l.t.Context(), tx))
	l.sent++
}

// crash loses the power, and begins anew with what the disk has.
func (l *life) crash(loss durabletest.Loss) {
	l.t.Helper()
	l.Close()
	if err := l.disk.Crash(loss); err != nil {
		l.t.Fatal(err)
	}
	l.disk = durabletest.New(durabletest.Fault{})
	l.cfg.Files, l.cfg.Chain, l.leases = l.disk, l.chain.Backend(), nil
	var err error
	if l.Wallet, err = wallet.Open(l.path, wallettest.Password, l.cfg); err != nil {
		l.t.Fatal(err)
	}
}
