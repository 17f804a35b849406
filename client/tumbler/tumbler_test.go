package tumbler

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

var addresses = []string{
	"bcrt1qn4azn66akqsptluqvv4shn5jweeessgl6emzcy",
	"mgkHvCe29EbCRvZPH77dUjBHBgNQUTHh2x",
	"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
}

// anyParams draws what a user may ask for, and balances for it.
func anyParams() (Params, []sats.Amount) {
	p := Defaults()
	balances := make([]sats.Amount, 1+random.N(8))
	for m := range balances {
		balances[m] = sats.Amount(random.N(3)) * 1e8
	}
	balances[random.N(len(balances))] = 1e8
	p.Mixdepths = 1 + random.N(len(balances))
	p.AddressCount = 1 + random.N(p.Mixdepths)
	p.Addresses = addresses[:random.N(min(p.AddressCount, len(addresses))+1)]
	p.Payments = Range{float64(random.N(5)), float64(random.N(3)), 1}
	p.Makers.Deviation = float64(random.N(4))
	p.Least = 10
	return p, balances
}

// TestT24PlanPaysEveryAddressOnce follows coins through random plans: each given
// address is paid by one entry, in the order given, nothing is left behind, and
// nothing is spent that is not there.
func TestT24PlanPaysEveryAddressOnce(t *testing.T) {
	for range 1000 {
		p, balances := anyParams()
		plan, err := Plan(p, balances)
		if err != nil {
			t.Fatalf("%+v %v: %v", p, balances, err)
		}
		has := make([]bool, len(balances))
		for m, b := range balances {
			has[m] = b > 0
		}
		var paid []string
		for i, e := range plan {
			if !has[e.Mixdepth] {
				t.Fatalf("entry %d of %v spends from an empty mixdepth", i, plan)
			}
			if e.Amount.Sweep() {
				has[e.Mixdepth] = false
			}
			if e.Destination == schedule.Internal {
				has[(e.Mixdepth+1)%len(has)] = true
			} else {
				paid = append(paid, e.Destination)
			}
			if e.Makers < p.Makers.Least || e.Wait < 0 || e.Wait%time.Millisecond != 0 || e.TxID != "" || e.Done {
				t.Fatalf("entry %d: %+v", i, e)
			}
		}
		want := slices.Clone(p.Addresses)
		for len(want) < p.AddressCount {
			want = append(want, schedule.Ask)
		}
		if !slices.Equal(paid, want) {
			t.Fatalf("%v are paid, want %v", paid, want)
		}
		if left := Left(plan, balances); slices.Contains(has, true) != (len(left) > 0) || len(left) > 0 && p.Mixdepths == len(balances) {
			t.Fatalf("%v leaves coins behind: %v, said to be %v", plan, has, left)
		}
		if end := plan[len(plan)-1]; !end.Amount.Sweep() || len(plan) > 1 && plan[len(plan)-2].Mixdepth == end.Mixdepth && len(balances) > 1 {
			t.Fatalf("the last mixdepth pays more than once: %v", plan)
		}
		again, err := schedule.Parse([]byte(schedule.Format(plan)), &chaincfg.RegressionNetParams)
		if err != nil || !slices.Equal(again, plan) {
			t.Fatalf("%v is read as %v, %v", plan, again, err)
		}
	}
}

// TestLaws compares many plans with the laws of the specification.
func TestLaws(t *testing.T) {
	p := Defaults()
	p.Addresses = addresses
	const plans = 4000
	var first, later, makers, entries, rounded float64
	figures := make([]float64, 6)
	for range plans {
		plan, err := Plan(p, []sats.Amount{1e8, 0, 2e8, 0, 0})
		if err != nil {
			t.Fatal(err)
		}
		if plan[0].Mixdepth != 2 || plan[1].Mixdepth != 0 || plan[2].Mixdepth != 1 {
			t.Fatalf("order of mixdepths: %v", plan)
		}
		first += (plan[0].Wait + plan[1].Wait).Minutes() / 2
		for _, e := range plan[2:] {
			later += e.Wait.Minutes()
			entries++
			if !e.Amount.Sweep() && e.Rounding != schedule.NoRounding {
				rounded++
				figures[e.Rounding]++
			}
		}
		for _, e := range plan {
			makers += float64(e.Makers) / float64(len(plan))
		}
	}
	near := func(what string, got, want, slack float64) {
		t.Helper()
		if math.Abs(got-want) > slack {
			t.Errorf("%s: %.3f, want %.3f", what, got, want)
		}
	}
	near("minutes in the first stage", first/plans, 180, 14)
	near("minutes in the second stage", later/entries, 60, 4)
	near("makers", makers/plans, 8.5, 0.2) // truncation takes half a maker away
	// A normal draw (2, 1), truncated and at least 2: 3 has 0.136, 4 and more 0.023.
	near("payments of three mixdepths and one", entries/plans, 3*(2+0.1587+0.0228+0.0013)+1, 0.2)
	near("rounded share of fractions", rounded/(entries-4*plans), 0.25, 0.03)
	for i, w := range p.FigureWeights {
		near("figures", figures[i+1]/rounded, w/200, 0.06)
	}
}

// TestPlanReachesAllCoins has coins in two mixdepths that the reference's choice
// of a beginning would tear apart.
func TestPlanReachesAllCoins(t *testing.T) {
	for m := range 5 {
		balances := make([]sats.Amount, 5)
		balances[m], balances[(m+1)%5] = 1e8, 1e8
		plan, err := Plan(Defaults(), balances)
		if err != nil {
			t.Fatal(err)
		}
		if left := Left(plan, balances); left != nil {
			t.Errorf("coins in %d and the next: %v keep theirs", m, left)
		}
	}
}

// TestT24PaymentsAreOfUse divides little among many: no mixdepth is left with less
// than it can pay from, or the user is told before anything begins.
func TestT24PaymentsAreOfUse(t *testing.T) {
	p := Defaults()
	p.Addresses = addresses
	small := 0
	for total := sats.Amount(1e5); total < 1e10; total += total / 10 {
		balances := []sats.Amount{total, 0, 0, 0, 0}
		plan, err := Plan(p, balances)
		if errors.Is(err, ErrSmall) {
			small++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		has, base := total, total // every mixdepth hands on to the next
		for i, e := range plan {
			amount := has
			if !e.Amount.Sweep() {
				if amount, err = e.Amount.Of(base, e.Rounding, p.Least); err != nil {
					t.Fatal(err)
				}
			}
			if has -= amount; amount < 2*p.Least || has < 0 {
				t.Fatalf("%d sat: payment %d of %v is of %d, %d are left", total, i+1, plan, amount, has)
			}
			if e.Amount.Sweep() {
				has = total - paidOut(t, plan[:i+1], p.Least, total)
				base = has
			}
		}
	}
	if small == 0 {
		t.Error("a tenth of a thousandth of a coin was divided")
	}
}

// paidOut is what left the wallet, whose coins are all in one mixdepth before
// each first payment of one.
func paidOut(t *testing.T, plan []schedule.Entry, least, total sats.Amount) (out sats.Amount) {
	t.Helper()
	base, left := total, total
	for _, e := range plan {
		amount := left
		if !e.Amount.Sweep() {
			var err error
			if amount, err = e.Amount.Of(base, e.Rounding, least); err != nil {
				t.Fatal(err)
			}
		}
		if left -= amount; e.Destination != schedule.Internal {
			out += amount
		}
		if e.Amount.Sweep() {
			base = total - out
			left = base
		}
	}
	return out
}

func TestParamsRefused(t *testing.T) {
	balances := []sats.Amount{1e8, 0, 0, 0, 0}
	for name, change := range map[string]func(*Params){
		"more addresses than are paid":  func(p *Params) { p.AddressCount, p.Addresses = 1, addresses[:2] },
		"more addresses than mixdepths": func(p *Params) { p.AddressCount = 5 },
		"no address":                    func(p *Params) { p.AddressCount = 0 },
		"an address twice":              func(p *Params) { p.Addresses = []string{addresses[0], addresses[0]} },
		"a mixdepth twice":              func(p *Params) { p.Mixdepths = 6 },
		"no mixdepth":                   func(p *Params) { p.Mixdepths = 0 },
		"no makers":                     func(p *Params) { p.Makers.Least = 0 },
		"too many makers":               func(p *Params) { p.Makers.Mean = 1000 },
		"makers not a number":           func(p *Params) { p.Makers.Mean = math.NaN() },
		"no payments":                   func(p *Params) { p.Payments.Least = 0 },
		"a negative pause":              func(p *Params) { p.Wait = -1 },
		"an endless pause":              func(p *Params) { p.FirstWait = math.MaxInt64 },
		"a chance above 1":              func(p *Params) { p.RoundingChance = 1.1 },
		"no weights":                    func(p *Params) { p.FigureWeights = [5]float64{} },
		"a negative weight":             func(p *Params) { p.FigureWeights[0] = -1 },
	} {
		p := Defaults()
		change(&p)
		if _, err := Plan(p, balances); !errors.Is(err, ErrParams) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Plan(Defaults(), make([]sats.Amount, 5)); !errors.Is(err, ErrFunds) {
		t.Errorf("an empty wallet: %v", err)
	}
}

// sum adds the fractions of entries.
func sum(t *testing.T, entries []schedule.Entry) (total float64) {
	t.Helper()
	for _, e := range entries {
		r, err := fraction(e)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := r.Float64()
		total += f
	}
	return total
}

func TestShares(t *testing.T) {
	for n := 1; n < 12; n++ {
		for range 50 {
			total := 0.0
			parts := Shares(n)
			for _, part := range parts {
				f, _ := part.Float64()
				total += f
				if f < 0 {
					t.Errorf("part %v", part)
				}
			}
			if math.Abs(total-1) > 1e-12 || len(parts) != n {
				t.Errorf("%v sum up to %v", parts, total)
			}
		}
	}
}

// TestTweak fails entries of random plans again and again: who is paid, from
// where and in which order stays, and no mixdepth is asked for more than it has.
func TestTweak(t *testing.T) {
	for range 1000 {
		p, balances := anyParams()
		plan, err := Plan(p, balances)
		if err != nil {
			t.Fatal(err)
		}
		was := slices.Clone(plan)
		for range 5 {
			x := random.N(len(plan))
			if err := Tweak(plan, x, 4); err != nil {
				t.Fatal(err)
			}
		}
		for i, e := range plan {
			if e.Destination != was[i].Destination || e.Mixdepth != was[i].Mixdepth || e.Amount.Sweep() != was[i].Amount.Sweep() ||
				e.Makers > was[i].Makers || e.Makers < 4 {
				t.Fatalf("entry %d was %v, is %v", i, was[i], e)
			}
		}
		for begin := 0; begin < len(plan); {
			end := begin + 1
			for ; end < len(plan) && !plan[end-1].Amount.Sweep(); end++ {
			}
			if share := sum(t, plan[begin:end]); share > 1+1e-9 {
				t.Fatalf("%v of a mixdepth are spent: %v", share, plan[begin:end])
			}
			begin = end
		}
	}
	plan := []schedule.Entry{{Amount: schedule.Amount{Fraction: "x"}}, {Amount: schedule.Amount{Fraction: "0.5"}}}
	if err := Tweak(plan, 1, 4); !errors.Is(err, decimal.ErrText) {
		t.Errorf("a fraction that is no number: %v", err)
	}
}
