package spend

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// bond funds a fidelity bond that ends with the month so many months from now.
func (b *bench) bond(months int, value sats.Amount) coins.Coin {
	b.t.Helper()
	now := time.Now().UTC()
	n, err := bond.ParseMonth(time.Date(now.Year(), now.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"))
	if err != nil {
		b.t.Fatal(err)
	}
	a, err := b.BondAddress(n)
	if err != nil {
		b.t.Fatal(err)
	}
	b.chain.Pay(a.Script, value)
	b.chain.Mine(1)
	b.sync()
	return b.coin(value)
}

func TestW13SpendABond(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000}, nil, nil)
	old := b.bond(-1, 500_000)
	p := Payment{Mixdepth: OfCoins, Coins: []wire.OutPoint{old.OutPoint}, Sweep: true, Keep: true, Into: 2, Release: true}

	if _, err := Pay(t.Context(), b.cfg, p, func(Quote) error { return errors.New("no") }); err == nil || !b.coin(500_000).Frozen {
		t.Errorf("declined: %v, %+v", err, b.coin(500_000))
	}
	r := b.pay(p)
	q := r.Quote
	if len(q.Inputs) != 1 || q.Amount != 0 || q.Change() != 500_000-q.Fee || len(q.Outputs) != 1 ||
		r.Tx.LockTime != old.Locktime+1 || r.Tx.TxIn[0].Sequence != txbuild.RBF {
		t.Errorf("%+v", r)
	}
	b.sync()
	kept := b.coin(q.Change())
	if kept.Mixdepth != 2 || kept.Branch != keys.Internal {
		t.Errorf("it went to %+v", kept)
	}

	// Until it is mined the fee can be raised, by replacement and by a child.
	cfg := b.cfg
	cfg.Fee.Rate = 5 * rate
	raised, err := BumpFee(t.Context(), cfg, Raise{TxID: r.Tx.TxHash(), Output: NoOutput}, yes)
	if err != nil {
		t.Fatal(err)
	}
	b.check(raised)
	if tx := raised.Tx; raised.Quote.Bump.Child || tx.LockTime != r.Tx.LockTime || tx.TxIn[0].Sequence != txbuild.RBF || raised.Quote.Fee < 5*q.Fee {
		t.Errorf("%+v", raised)
	}
	b.sync()
	cfg.Fee.Rate = 10 * rate
	child, err := BumpFee(t.Context(), cfg, Raise{TxID: raised.Tx.TxHash(), Output: NoOutput, Child: true}, yes)
	if err != nil || !child.Quote.Bump.Child {
		t.Errorf("a child: %+v, %v", child, err)
	}
}

// TestW13BondToAReceiver: the receiver pays for a bump only when named.
func TestW13BondToAReceiver(t *testing.T) {
	b := newBench(t)
	old := b.bond(-1, 500_000)
	r := b.pay(Payment{Mixdepth: OfCoins, Coins: []wire.OutPoint{old.OutPoint}, Sweep: true, Outputs: []txbuild.Output{to(1, 0)}, Release: true})
	if r.Quote.Amount != 500_000-r.Quote.Fee || r.Tx.LockTime != old.Locktime+1 {
		t.Errorf("%+v", r)
	}
	b.sync()
	cfg := b.cfg
	cfg.Fee.Rate = 5 * rate
	if _, err := BumpFee(t.Context(), cfg, Raise{TxID: r.Tx.TxHash(), Output: NoOutput}, yes); !errors.Is(err, ErrNoPayer) {
		t.Errorf("a receiver pays unasked: %v", err)
	}
	if raised, err := BumpFee(t.Context(), cfg, Raise{TxID: r.Tx.TxHash(), Output: 0}, yes); err != nil || raised.Quote.Amount >= r.Quote.Amount {
		t.Errorf("%+v, %v", raised, err)
	}
}

func TestW13BondRefused(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	locked, expired, kept, tiny := b.bond(2, 400_000), b.bond(-1, 500_000), b.bond(-2, 600_000), b.bond(-3, 200)
	dust := b.bond(-4, 400)
	if err := b.Freeze(coins.ByUser, kept.OutPoint); err != nil {
		t.Fatal(err)
	}
	ordinary := b.coin(100_000)
	one := func(c coins.Coin) Payment {
		return Payment{Mixdepth: OfCoins, Coins: []wire.OutPoint{c.OutPoint}, Sweep: true, Keep: true, Release: true}
	}
	with := func(p Payment, change func(*Payment)) Payment { change(&p); return p }
	for name, c := range map[string]struct {
		p     Payment
		want  error
		words []string
	}{
		"before its time": {one(locked), wallet.ErrLocked, []string{
			"until " + time.Unix(int64(locked.Locktime), 0).UTC().Format(time.DateTime), "median time", "wait about", "days"}},
		"frozen by the user":    {one(kept), wallet.ErrFrozen, nil},
		"by an ordinary sweep":  {with(one(expired), func(p *Payment) { p.Release = false }), wallet.ErrFrozen, nil},
		"P6: with another coin": {with(one(expired), func(p *Payment) { p.Coins = append(p.Coins, ordinary.OutPoint) }), ErrMix, []string{"bond"}},
		"less than the fee":     {one(tiny), txbuild.ErrFunds, nil},
		"dust after the fee":    {one(dust), ErrDust, []string{"would be left"}},
		"kept, and paid":        {with(one(expired), func(p *Payment) { p.Outputs = []txbuild.Output{to(1, 0)} }), ErrPayment, nil},
		"kept in part":          {with(one(expired), func(p *Payment) { p.Sweep = false }), ErrPayment, nil},
		"no such mixdepth":      {with(one(expired), func(p *Payment) { p.Into = 5 }), wallet.ErrMixdepth, nil},
		"negative mixdepth":     {with(one(expired), func(p *Payment) { p.Into = -1 }), wallet.ErrMixdepth, nil},
	} {
		_, err := Pay(t.Context(), b.cfg, c.p, yes)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
			continue
		}
		for _, words := range c.words {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v does not say %q", name, err, words)
			}
		}
	}
	if !b.coin(500_000).Frozen || len(b.Pending()) != 0 {
		t.Error("a refusal has left something behind")
	}
}

// TestM28BondsAreNotChosen: not even a bond that has ended and was thawed is in
// a payment unless it is named.
func TestM28BondsAreNotChosen(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	old := b.bond(-1, 500_000)
	if err := b.Thaw(old.OutPoint); err != nil {
		t.Fatal(err)
	}
	b.sync()
	if _, err := Pay(t.Context(), b.cfg, Payment{Outputs: []txbuild.Output{to(1, 150_000)}}, yes); !errors.Is(err, coins.ErrFunds) {
		t.Errorf("more than the other coins: %v", err)
	}
	r := b.pay(Payment{Outputs: []txbuild.Output{to(1, 0)}, Sweep: true})
	if len(r.Quote.Inputs) != 1 || r.Quote.Inputs[0].OutPoint == old.OutPoint {
		t.Errorf("a sweep takes %+v", r.Quote.Inputs)
	}
	b.sync()
	if _, err := Pay(t.Context(), b.cfg, Payment{Outputs: []txbuild.Output{to(1, 0)}, Sweep: true}, yes); !errors.Is(err, coins.ErrFunds) {
		t.Errorf("nothing but the bond: %v", err)
	}
	// Whoever names it spends it as any coin, at its own lock time.
	if r := b.pay(Payment{Mixdepth: OfCoins, Outputs: []txbuild.Output{to(2, 100_000)}, Coins: []wire.OutPoint{old.OutPoint}}); r.Tx.LockTime != old.Locktime+1 {
		t.Errorf("named: %+v", r)
	}
}
