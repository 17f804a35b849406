package spend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// rate of the payments of these tests, in sat/kvB.
const rate sats.Amount = 2000

// bench is a wallet on a chain, and what pays from it.
type bench struct {
	t     *testing.T
	chain *wallettest.Chain
	*wallet.Wallet
	cfg Config
}

// newBench makes a wallet with coins, as wallettest.New does.
func newBench(t *testing.T, amounts ...[]sats.Amount) *bench {
	c := wallettest.NewChain(&chaincfg.RegressionNetParams)
	return on(t, c, amounts...)
}

func on(t *testing.T, c *wallettest.Chain, amounts ...[]sats.Amount) *bench {
	w := wallettest.New(t, c, amounts...)
	return &bench{t, c, w, Config{
		Wallet: w, Node: w.Chain(), Mempool: w.Chain().(chain.Mempool),
		Fee: feerate.Policy{Rate: rate, Absurd: 350_000, Share: 20},
	}}
}

// to is a receiver of one of the many scripts that nobody owns.
func to(n byte, value sats.Amount) txbuild.Output {
	return txbuild.Output{Value: value, Script: append([]byte{0, 20, n}, make([]byte, 19)...)}
}

func yes(Quote) error { return nil }

func (b *bench) pay(p Payment) Receipt {
	b.t.Helper()
	r, err := Pay(b.t.Context(), b.cfg, p, yes)
	if err != nil {
		b.t.Fatal(err)
	}
	b.check(r)
	return r
}

// check adds up a receipt and compares it with what the chain has.
func (b *bench) check(r Receipt) {
	b.t.Helper()
	q := r.Quote
	sum := q.Fee
	for _, out := range q.Outputs {
		sum += out.Value
		if out.Script == nil {
			b.t.Error("an output without address in a receipt")
		}
	}
	if in := coins.Sum(q.Inputs); in != sum || len(q.Inputs) == 0 {
		b.t.Errorf("%v go in, %v come out with the fee", in, sum)
	}
	if err := matches(r.Tx, q); err != nil {
		b.t.Error(err)
	}
	// The estimate has signatures of 72 bytes, half of them have 71.
	if r.Size > q.VSize || r.Size < q.VSize-int64(len(q.Inputs)) {
		b.t.Errorf("%d vB, quoted %d", r.Size, q.VSize)
	}
	if onChain, _ := b.chain.Tx(r.Tx.TxHash()); onChain == nil {
		b.t.Error("the chain does not have it")
	}
}

func (b *bench) sync() {
	b.t.Helper()
	if err := b.Sync(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) coins() []coins.Coin {
	b.t.Helper()
	all, err := b.Coins()
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// coin is the one of a value.
func (b *bench) coin(value sats.Amount) coins.Coin {
	b.t.Helper()
	for _, c := range b.coins() {
		if c.Value == value {
			return c
		}
	}
	b.t.Fatalf("no coin of %v", value)
	return coins.Coin{}
}

func TestPay(t *testing.T) {
	b := newBench(t, nil, []sats.Amount{100_000, 200_000})
	var asked Quote
	r, err := Pay(t.Context(), b.cfg, Payment{Mixdepth: 1, Outputs: []txbuild.Output{to(1, 50_000)}}, func(q Quote) error {
		asked = q
		if len(b.chain.Mempool()) != 0 || len(b.Pending()) != 0 {
			t.Error("something left before it was agreed to")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.check(r)
	// 141 vB at 2 sat/vB.
	if asked.Fee != 282 || asked.VSize != 141 || asked.Amount != 50_000 || asked.Change() != 100_000-50_000-282 ||
		asked.EffectiveRate() != rate || !slices.Equal(asked.Mixdepths(), []int{1}) || !asked.Replaceable {
		t.Errorf("quote %+v", asked)
	}
	if asked.Fee != r.Quote.Fee || asked.Change() != r.Quote.Change() || asked.Outputs[1].Script != nil {
		t.Errorf("quote %+v, receipt %+v", asked, r.Quote)
	}
	tx := r.Tx
	if tx.Version != 2 || tx.TxIn[0].Sequence != 0xfffffffd || tx.LockTime < 1 || tx.LockTime > uint32(b.chain.Height()) {
		t.Errorf("P1: version %d, sequence %x, locktime %d", tx.Version, tx.TxIn[0].Sequence, tx.LockTime)
	}
	b.chain.Mine(1)
	b.sync()
	change := b.coin(asked.Change())
	if change.Mixdepth != 1 || change.Branch != keys.Internal {
		t.Errorf("change at %+v", change)
	}
	// The other coin is free again.
	if got := b.pay(Payment{Mixdepth: 1, Outputs: []txbuild.Output{{Script: to(2, 0).Script}}, Sweep: true}); len(got.Quote.Inputs) != 2 {
		t.Errorf("a sweep takes %d coins", len(got.Quote.Inputs))
	}
}

func TestPaySeveral(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	r := b.pay(Payment{Outputs: []txbuild.Output{to(1, 20_000), to(2, 30_000), to(3, 10_000)}, NoRBF: true})
	if len(r.Tx.TxOut) != 4 || r.Quote.Amount != 60_000 || r.Tx.TxIn[0].Sequence != 0xfffffffe || r.Quote.Replaceable {
		t.Errorf("%+v", r.Quote)
	}
}

func TestSweep(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000, 1000, 70_000}, []sats.Amount{500_000})
	if err := b.Freeze(coins.ByUser, b.coin(70_000).OutPoint); err != nil {
		t.Fatal(err)
	}
	r := b.pay(Payment{Outputs: []txbuild.Output{{Script: to(1, 0).Script}}, Sweep: true})
	// 178 vB: the coin that costs more than it brings goes too, as a sweep
	// leaves nothing behind; the frozen one stays.
	if r.Quote.Amount != 101_000-356 || r.Quote.Change() != 0 || len(r.Tx.TxOut) != 1 {
		t.Errorf("%+v", r.Quote)
	}
}

func TestSweepToSeveral(t *testing.T) {
	b := newBench(t, []sats.Amount{100_001, 70_000})
	all := []wire.OutPoint{b.coin(100_001).OutPoint}
	r := b.pay(Payment{Outputs: []txbuild.Output{to(1, 0), to(2, 0), to(3, 0)}, Sweep: true, Coins: all})
	share := r.Quote.Outputs[0].Value
	for _, out := range r.Quote.Outputs {
		if out.Value != share || out.Change {
			t.Errorf("%+v", out)
		}
	}
	least, err := txbuild.FeeAt(r.Quote.VSize, r.Quote.Rate)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Tx.TxOut) != 3 || len(r.Tx.TxIn) != 1 || r.Quote.Fee < least || r.Quote.Fee > least+2 || 3*share+r.Quote.Fee != 100_001 {
		t.Errorf("%+v", r.Quote)
	}
	small := newBench(t, []sats.Amount{800})
	for n, want := range map[byte]error{3: ErrDust, 50: coins.ErrFunds} {
		p := Payment{Sweep: true}
		for i := range n {
			p.Outputs = append(p.Outputs, to(i, 0))
		}
		if _, err := Pay(t.Context(), small.cfg, p, yes); !errors.Is(err, want) {
			t.Errorf("%d shares of 800 sat: %v", n, err)
		}
	}
}

func TestNamedCoins(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000, 60_000}, []sats.Amount{50_000, 40_000})
	name := func(values ...sats.Amount) (list []wire.OutPoint) {
		for _, v := range values {
			list = append(list, b.coin(v).OutPoint)
		}
		return list
	}
	if err := b.Freeze(coins.ByUser, b.coin(40_000).OutPoint); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, want error, p Payment) {
		t.Helper()
		p.Outputs = []txbuild.Output{to(1, 30_000)}
		if _, err := Pay(t.Context(), b.cfg, p, yes); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	refused("frozen", wallet.ErrFrozen, Payment{Mixdepth: OfCoins, Coins: name(40_000)})
	refused("twice", ErrCoin, Payment{Mixdepth: OfCoins, Coins: name(50_000, 50_000)})
	refused("foreign", wallet.ErrNotOurs, Payment{Mixdepth: OfCoins, Coins: []wire.OutPoint{{Index: 7}}})
	refused("no mixdepth", wallet.ErrMixdepth, Payment{Mixdepth: OfCoins})
	lease, err := b.Reserve(wallet.Reservation{Mixdepth: 1, Target: 50_000, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	refused("in use", coins.ErrLeased, Payment{Mixdepth: OfCoins, Coins: name(50_000)})
	lease.Release()

	// Both, though one would be enough.
	r := b.pay(Payment{Mixdepth: OfCoins, Coins: name(100_000, 60_000), Outputs: []txbuild.Output{to(1, 30_000)}})
	if len(r.Quote.Inputs) != 2 {
		t.Errorf("%+v", r.Quote)
	}
}

func TestRefusedPayments(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000, 50_000})
	if err := b.Freeze(coins.ByUser, b.coin(50_000).OutPoint); err != nil {
		t.Fatal(err)
	}
	a, err := b.NextAddress(0, keys.External)
	if err != nil {
		t.Fatal(err)
	}
	b.chain.Pay(a.Script, 30_000)
	b.sync()
	one := func(value sats.Amount) []txbuild.Output { return []txbuild.Output{to(1, value)} }
	for name, c := range map[string]struct {
		p    Payment
		want error
	}{
		"nobody":              {Payment{}, ErrPayment},
		"sweep and an amount": {Payment{Outputs: []txbuild.Output{to(1, 0), to(2, 5000)}, Sweep: true}, ErrPayment},
		"sweep of an amount":  {Payment{Outputs: one(1000), Sweep: true}, ErrPayment},
		"nothing":             {Payment{Outputs: one(0)}, ErrDust},
		"negative":            {Payment{Outputs: one(-5000)}, ErrDust},
		"dust":                {Payment{Outputs: one(293)}, ErrDust},
		"odd script":          {Payment{Outputs: []txbuild.Output{{Value: 1000, Script: []byte{0x6a}}}}, txbuild.ErrScript},
		"one script twice":    {Payment{Outputs: []txbuild.Output{to(1, 10_000), to(1, 20_000)}}, txbuild.ErrConflict},
		"no such mixdepth":    {Payment{Outputs: one(1000), Mixdepth: 5}, wallet.ErrMixdepth},
		"negative mixdepth":   {Payment{Outputs: one(1000), Mixdepth: -2}, wallet.ErrMixdepth},
		"more than there is":  {Payment{Outputs: one(200_000), MinConf: 1}, coins.ErrFunds},
		"the fee is missing":  {Payment{Outputs: one(99_900), MinConf: 1}, coins.ErrFunds},
		"empty mixdepth":      {Payment{Outputs: []txbuild.Output{to(1, 0)}, Sweep: true, Mixdepth: 3}, coins.ErrFunds},
		"T19: a fifth is fee": {Payment{Outputs: one(1000)}, feerate.ErrShare},
		"all money there is":  {Payment{Outputs: []txbuild.Output{to(1, sats.Max), to(2, sats.Max)}}, sats.ErrRange},
	} {
		if _, err := Pay(t.Context(), b.cfg, c.p, yes); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	_, err = Pay(t.Context(), b.cfg, Payment{Outputs: one(200_000), MinConf: 1}, yes)
	for _, words := range []string{"100 000 sat", "50 000 sat frozen", "30 000 sat not confirmed"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v does not say %q", err, words)
		}
	}
	// A refusal leaves nothing behind.
	if got, err := b.Balances(); err != nil || got[0].Leased != 0 || len(b.Pending()) != 0 {
		t.Errorf("%+v, %v", got[0], err)
	}
	if r := b.pay(Payment{Outputs: one(120_000)}); len(r.Quote.Inputs) != 2 {
		t.Errorf("with unconfirmed coins: %+v", r.Quote)
	}
}

func TestT19Limits(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	p := Payment{Outputs: []txbuild.Output{to(1, 50_000)}}
	for name, c := range map[string]struct {
		change func(*feerate.Policy)
		want   error
	}{
		"rate":        {func(f *feerate.Policy) { f.Absurd = rate - 1 }, feerate.ErrAbsurd},
		"user's word": {func(f *feerate.Policy) { f.Max = 281 }, feerate.ErrShare},
		"too low":     {func(f *feerate.Policy) { f.Rate = 999 }, feerate.ErrTooLow},
	} {
		cfg := b.cfg
		c.change(&cfg.Fee)
		if _, err := Pay(t.Context(), cfg, p, yes); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// Change that is dust makes the rate higher than the one asked for, so the
	// limit is looked at again.
	cfg := b.cfg
	cfg.Fee.Absurd = rate
	p.Outputs[0].Value = 100_000 - 220 - 100
	if _, err := Pay(t.Context(), cfg, p, yes); !errors.Is(err, feerate.ErrAbsurd) {
		t.Errorf("dust: %v", err)
	}
	b.chain.SetFeeRate(0)
	cfg.Fee = feerate.Policy{TxFees: 3, Factor: "0.2"}
	if _, err := Pay(t.Context(), cfg, p, yes); !errors.Is(err, chain.ErrNoEstimate) {
		t.Errorf("no estimate: %v", err)
	}
}

func TestNoChange(t *testing.T) {
	for name, c := range map[string]struct{ value, fee sats.Amount }{
		"exact":      {100_000 - 220, 220},
		"a bit left": {100_000 - 220 - 500, 720},
		"most dust":  {100_000 - 282 - 2730, 282 + 2730},
	} {
		b := newBench(t, []sats.Amount{100_000})
		internal, err := b.NextAddress(0, keys.Internal)
		if err != nil {
			t.Fatal(err)
		}
		r := b.pay(Payment{Outputs: []txbuild.Output{to(1, c.value)}})
		if r.Quote.Fee != c.fee || r.Quote.Change() != 0 || len(r.Tx.TxOut) != 1 || r.Quote.VSize != 110 {
			t.Errorf("%s: %+v", name, r.Quote)
		}
		if next, err := b.NextAddress(0, keys.Internal); err != nil || next.Path.Index != internal.Path.Index+1 {
			t.Errorf("%s: an address was used up for nothing: %v, %v", name, next.Path, err)
		}
	}
}

func TestDeclined(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	before, err := b.NextAddress(0, keys.Internal)
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	for range 3 {
		_, err := Pay(t.Context(), b.cfg, Payment{Outputs: []txbuild.Output{to(1, 50_000)}}, func(Quote) error { return no })
		if !errors.Is(err, no) {
			t.Errorf("%v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Pay(ctx, b.cfg, Payment{Outputs: []txbuild.Output{to(1, 50_000)}}, func(Quote) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	after, err := b.NextAddress(0, keys.Internal)
	if err != nil || after.Path.Index != before.Path.Index+1 || len(b.chain.Mempool()) != 0 || len(b.Pending()) != 0 {
		t.Errorf("declining left traces: %v, %v", after.Path, err)
	}
	if got, err := b.Balances(); err != nil || got[0].Available != 100_000 {
		t.Errorf("%+v, %v", got[0], err)
	}
}

// D2: who thinks for too long has no claim on the coins any more.
func TestD2LateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{100_000})
		p := Payment{Outputs: []txbuild.Output{to(1, 50_000)}}
		_, err := Pay(t.Context(), b.cfg, p, func(Quote) error {
			time.Sleep(DefaultHold + time.Second)
			b.pay(p)
			return nil
		})
		if !errors.Is(err, coins.ErrLeased) {
			t.Errorf("%v", err)
		}
	})
}

func TestD2NoCoinTwice(t *testing.T) {
	values := make([]sats.Amount, 30)
	for i := range values {
		values[i] = 50_000 + sats.Amount(i)
	}
	b := newBench(t, values)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		spent = make(map[wire.OutPoint]bool)
	)
	for i := range 60 {
		wg.Go(func() {
			r, err := Pay(t.Context(), b.cfg, Payment{Outputs: []txbuild.Output{to(byte(i), 40_000)}, MinConf: 1}, yes)
			if errors.Is(err, coins.ErrFunds) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, c := range r.Quote.Inputs {
				if spent[c.OutPoint] {
					t.Error("a coin was spent twice")
				}
				spent[c.OutPoint] = true
			}
		})
	}
	wg.Wait()
	if len(spent) != len(values) || len(b.chain.Mempool()) != len(values) {
		t.Errorf("%d of %d coins spent", len(spent), len(values))
	}
}

func TestKept(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	node := b.Chain().(*wallettest.Backend)
	r, err := Pay(t.Context(), b.cfg, Payment{Outputs: []txbuild.Output{to(1, 50_000)}}, func(Quote) error {
		node.SetDown(errors.New("gone"))
		return nil
	})
	if !errors.Is(err, wallet.ErrKept) || r.Tx == nil || len(b.Pending()) != 1 || b.Pending()[0].ID != r.Tx.TxHash() {
		t.Errorf("%+v, %v", r, err)
	}
}

// liar changes transactions while it signs them.
type liar struct {
	Wallet
	change func(*wire.MsgTx)
}

func (l liar) SignTx(tx *wire.MsgTx, own []coins.Coin) error {
	if err := l.Wallet.SignTx(tx, own); err != nil {
		return err
	}
	l.change(tx)
	return nil
}

func TestVerifiedBeforeItLeaves(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	for name, change := range map[string]func(*wire.MsgTx){
		"more":        func(tx *wire.MsgTx) { tx.TxOut[0].Value++ },
		"less":        func(tx *wire.MsgTx) { tx.TxOut[0].Value-- },
		"elsewhere":   func(tx *wire.MsgTx) { tx.TxOut[1].PkScript[5] ^= 1 },
		"one output":  func(tx *wire.MsgTx) { tx.TxOut = tx.TxOut[:1] },
		"two more":    func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, tx.TxOut...) },
		"other coin":  func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint.Index++ },
		"coin twice":  func(tx *wire.MsgTx) { tx.TxIn = append(tx.TxIn, tx.TxIn[0]) },
		"no witness":  func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil },
		"same output": func(tx *wire.MsgTx) { tx.TxOut[0] = tx.TxOut[1] },
	} {
		cfg := b.cfg
		cfg.Wallet = liar{b.Wallet, change}
		if _, err := Pay(t.Context(), cfg, Payment{Outputs: []txbuild.Output{to(1, 50_000)}}, yes); !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.chain.Mempool()) != 0 || len(b.Pending()) != 0 {
		t.Error("something was sent")
	}
}

func TestUnsigned(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	tx, q, err := Unsigned(t.Context(), b.cfg, Payment{Outputs: []txbuild.Output{to(1, 50_000)}}, yes)
	if err != nil || matches(tx, q) != nil || tx.TxIn[0].Witness != nil || len(b.chain.Mempool()) != 0 {
		t.Errorf("%+v, %v", q, err)
	}
}
