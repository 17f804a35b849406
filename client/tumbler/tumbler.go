// Package tumbler plans how all coins of a wallet go to other addresses in
// amounts and at times that do not tell where they came from.
//
// A plan has two stages. First every mixdepth that has coins is swept into the
// next, so that nothing of the past stays beside what is to come. Then the coins
// go on from one mixdepth to the next, in fractions, and the last mixdepths pay
// the user's addresses. Numbers, amounts and times are drawn as the reference
// draws them, whose tumbles make the crowd (spec: tumbler).
package tumbler

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Range is a normal distribution that is cut below.
type Range struct {
	Mean, Deviation float64
	Least           int
}

func (r Range) draw() int { return max(int(random.Normal(r.Mean, r.Deviation)), r.Least) }

// Params say how to plan. Defaults has the usual ones.
type Params struct {
	// Addresses are the user's, paid in this order. If there are fewer than
	// AddressCount, the user is asked for the rest when their time comes.
	Addresses    []string
	AddressCount int // 1..Mixdepths
	// Mixdepths is the number of mixdepths in the second stage, 1..those of the
	// wallet.
	Mixdepths int
	Makers    Range // of each transaction
	Payments  Range // in each mixdepth of the second stage
	// Wait is the mean pause after a payment, FirstWait that in the first stage.
	Wait, FirstWait time.Duration
	// RoundingChance, 0..1, is that a fractional amount is rounded, and
	// FigureWeights how often to 1, 2 ... significant figures.
	RoundingChance float64
	FigureWeights  [5]float64
	// Least is what a fraction comes to at least.
	Least sats.Amount
}

// Defaults are those of the reference implementation's tumbler.
func Defaults() Params {
	return Params{
		AddressCount: 3, Mixdepths: 4,
		Makers: Range{9, 1, 4}, Payments: Range{2, 1, 2},
		Wait: time.Hour, FirstWait: 3 * time.Hour,
		RoundingChance: 0.25, FigureWeights: [5]float64{55, 15, 25, 65, 40},
		Least: schedule.MinFraction,
	}
}

// Errors of Plan.
var (
	ErrParams = errors.New("no plan can be made so")
	ErrFunds  = errors.New("there are no coins to tumble")
	ErrSmall  = errors.New("there are too few coins to divide them so often; pay fewer addresses, or make fewer payments")
)

// check refuses what the reference silently bends: addresses that would never
// be paid, or mixdepths that would come twice.
func (p Params) check(mixdepths int) error {
	weights := 0.0
	for _, w := range p.FigureWeights {
		if !(w >= 0) {
			return fmt.Errorf("%w: weights of figures are not negative", ErrParams)
		}
		weights += w
	}
	for _, r := range []Range{p.Makers, p.Payments} {
		if !(r.Deviation >= 0 && r.Mean >= 0 && r.Mean <= protocol.MaxMakers && r.Deviation <= protocol.MaxMakers) {
			return fmt.Errorf("%w: mean %v and deviation %v: want 0 to %d", ErrParams, r.Mean, r.Deviation, protocol.MaxMakers)
		}
	}
	sorted := slices.Sorted(slices.Values(p.Addresses))
	switch {
	case p.Mixdepths < 1 || p.Mixdepths > mixdepths:
		return fmt.Errorf("%w: %d mixdepths in the second stage: the wallet has %d", ErrParams, p.Mixdepths, mixdepths)
	case p.AddressCount < 1 || p.AddressCount > p.Mixdepths:
		return fmt.Errorf("%w: %d addresses: each is paid by a mixdepth of its own, and there are %d", ErrParams, p.AddressCount, p.Mixdepths)
	case len(p.Addresses) > p.AddressCount:
		return fmt.Errorf("%w: %d addresses are given, %d are to be paid", ErrParams, len(p.Addresses), p.AddressCount)
	case len(slices.Compact(sorted)) < len(p.Addresses):
		return fmt.Errorf("%w: an address is given twice; that would tie its payments together", ErrParams)
	case p.Makers.Least < 1 || p.Makers.Least > protocol.MaxMakers:
		return fmt.Errorf("%w: at least %d makers: want 1 to %d", ErrParams, p.Makers.Least, protocol.MaxMakers)
	case p.Payments.Least < 1 || p.Payments.Least > protocol.MaxMakers:
		return fmt.Errorf("%w: at least %d payments of a mixdepth: want 1 to %d", ErrParams, p.Payments.Least, protocol.MaxMakers)
	case p.Least < 0 || p.Least > sats.Max/2:
		return fmt.Errorf("%w: a least amount of %d", ErrParams, p.Least)
	case p.Wait < 0 || p.FirstWait < 0 || p.Wait > schedule.MaxWait || p.FirstWait > schedule.MaxWait:
		return fmt.Errorf("%w: a pause is 0 to %v", ErrParams, schedule.MaxWait)
	case !(p.RoundingChance >= 0 && p.RoundingChance <= 1) || p.RoundingChance > 0 && weights == 0:
		return fmt.Errorf("%w: the chance of rounding is 0 to 1, with some weight above 0", ErrParams)
	}
	return nil
}

// draws is how many plans are drawn to find one that divides the coins into parts
// of use.
const draws = 1000

// Plan draws a schedule for a wallet whose mixdepths have these balances to
// spend. Each of its payments comes to twice Params.Least or more: where only a
// fraction goes on to the next mixdepth, the reference may send so little that
// nothing can be paid from there. The errors are ErrParams, ErrFunds and
// ErrSmall.
func Plan(p Params, balances []sats.Amount) ([]schedule.Entry, error) {
	if err := p.check(len(balances)); err != nil {
		return nil, err
	}
	for range draws {
		plan, err := p.draw(balances)
		if err != nil {
			return nil, err
		}
		if enough, err := p.enough(plan, balances); enough || err != nil {
			return plan, err
		}
	}
	return nil, ErrSmall
}

// enough follows the coins through a plan, fees left out.
func (p Params) enough(plan []schedule.Entry, balances []sats.Amount) (bool, error) {
	has := slices.Clone(balances)
	var base sats.Amount // what the fractions of a mixdepth refer to
	for i, e := range plan {
		if i == 0 || plan[i-1].Mixdepth != e.Mixdepth {
			base = has[e.Mixdepth]
		}
		amount := has[e.Mixdepth]
		if !e.Amount.Sweep() {
			var err error
			if amount, err = e.Amount.Of(base, e.Rounding, p.Least); err != nil {
				return false, err
			}
		}
		if amount < 2*p.Least || amount > has[e.Mixdepth] {
			return false, nil
		}
		has[e.Mixdepth] -= amount
		if e.Destination == schedule.Internal {
			has[(e.Mixdepth+1)%len(has)] += amount
		}
	}
	return true, nil
}

// draw draws a plan.
func (p Params) draw(balances []sats.Amount) ([]schedule.Entry, error) {
	plan, start, err := p.gather(balances)
	if err != nil {
		return nil, err
	}
	for i := range p.Mixdepths {
		n, to := p.Payments.draw(), schedule.Internal
		address := i - (p.Mixdepths - p.AddressCount)
		switch {
		case i == p.Mixdepths-1:
			n = 1 // the end pays everything at once
		case address >= 0:
			n = max(n, 2) // a payment is not all that came in
		}
		switch {
		case address >= len(p.Addresses):
			to = schedule.Ask
		case address >= 0:
			to = p.Addresses[address]
		}
		plan = append(plan, p.visit((start+i)%len(balances), n, to)...)
	}
	return plan, nil
}

// gather draws the first stage, from the highest mixdepth down, so that none is
// swept into one that was swept before. It returns where the second stage
// begins: at the lowest mixdepth that has coins then, like the reference, or at
// the lowest from which it reaches all coins, if that is another.
func (p Params) gather(balances []sats.Amount) (plan []schedule.Entry, start int, err error) {
	occupied := make([]bool, len(balances))
	for m, balance := range slices.Backward(balances) {
		if balance <= 0 {
			continue
		}
		plan = append(plan, schedule.Entry{Mixdepth: m, Makers: p.makers(), Destination: schedule.Internal,
			Wait: pause(p.FirstWait), Rounding: schedule.NoRounding})
		occupied[m], occupied[(m+1)%len(balances)] = false, true
	}
	if start = slices.Index(occupied, true); start < 0 {
		return nil, 0, ErrFunds
	}
	for from, has := range occupied {
		if has && p.reachesAll(occupied, from) {
			return plan, from, nil
		}
	}
	return plan, start, nil
}

// reachesAll tells whether a second stage that begins at a mixdepth comes to all
// that have coins.
func (p Params) reachesAll(occupied []bool, from int) bool {
	for i := p.Mixdepths; i < len(occupied); i++ {
		if occupied[(from+i)%len(occupied)] {
			return false
		}
	}
	return true
}

// Left returns the mixdepths of these balances that still have coins when a plan
// is done: those that its second stage does not reach.
func Left(plan []schedule.Entry, balances []sats.Amount) (left []int) {
	has := make([]bool, len(balances))
	for m, balance := range balances {
		has[m] = balance > 0
	}
	for _, e := range plan {
		if e.Amount.Sweep() {
			has[e.Mixdepth] = false
		}
		if e.Destination == schedule.Internal {
			has[(e.Mixdepth+1)%len(has)] = true
		}
	}
	for m := range has {
		if has[m] {
			left = append(left, m)
		}
	}
	return left
}

// visit draws n payments of a mixdepth: fractions of what is there first, then
// all the rest, to a destination.
func (p Params) visit(mixdepth, n int, to string) []schedule.Entry {
	entries := make([]schedule.Entry, n)
	shares := Shares(n)
	for i := range entries {
		entries[i] = schedule.Entry{Mixdepth: mixdepth, Amount: schedule.Share(shares[i]), Makers: p.makers(),
			Destination: schedule.Internal, Wait: pause(p.Wait), Rounding: schedule.NoRounding}
		if random.Float64() < p.RoundingChance {
			entries[i].Rounding = 1 + random.Pick(p.FigureWeights[:])
		}
	}
	end := &entries[n-1]
	end.Amount, end.Rounding, end.Destination = schedule.Amount{}, schedule.NoRounding, to
	return entries
}

func (p Params) makers() int { return min(p.Makers.draw(), protocol.MaxMakers) }

// pause draws a time to wait, in hundredths of a minute as the reference does.
func pause(mean time.Duration) time.Duration {
	const unit = time.Minute / 100
	return min(time.Duration(random.Exp(float64(mean))), schedule.MaxWait).Round(unit)
}

// leastShare is what the last part of a division is at least.
const leastShare = 0.05

// Shares divides 1 into n parts at n-1 places drawn uniformly, again until the
// last part is not tiny (spec: tumbler, fractions).
func Shares(n int) []*big.Rat {
	for {
		cuts := make([]float64, n-1, n)
		for i := range cuts {
			cuts[i] = random.Float64()
		}
		slices.Sort(cuts)
		cuts = append(cuts, 1)
		slices.Reverse(cuts)
		if n > 1 && cuts[n-1] <= leastShare {
			continue
		}
		parts := make([]*big.Rat, n)
		for i := range parts {
			below := 0.0
			if i+1 < n {
				below = cuts[i+1]
			}
			parts[i] = new(big.Rat).SetFloat64(cuts[i] - below)
		}
		return parts
	}
}
