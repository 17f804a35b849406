package tumbler

import (
	"fmt"
	"math/big"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/internal/decimal"
)

// Tweak changes a plan whose entry at a place failed, so that the next try asks
// for something else: a sweep for a maker less, down to so many, and a fraction
// for other fractions of what is left of its mixdepth (spec: tumbler, tweak
// after failure). Destinations stay. The error is for a fraction that is no
// number.
func Tweak(plan []schedule.Entry, failed, minMakers int) error {
	e := &plan[failed]
	if e.Amount.Sweep() {
		e.Makers = max(e.Makers-1, min(minMakers, e.Makers))
		return nil
	}
	begin, end := failed, failed+1
	for begin > 0 && plan[begin-1].Mixdepth == e.Mixdepth && !plan[begin-1].Amount.Sweep() {
		begin--
	}
	for end < len(plan) && plan[end].Mixdepth == e.Mixdepth && !plan[end-1].Amount.Sweep() {
		end++
	}
	left := big.NewRat(1, 1)
	for _, before := range plan[begin:failed] {
		spent, err := fraction(before)
		if err != nil {
			return err
		}
		left.Sub(left, spent)
	}
	if left.Sign() < 0 {
		left.SetInt64(0)
	}
	for i, share := range Shares(end - failed) {
		if plan[failed+i].Amount.Fraction == "" {
			continue // the sweep takes what is left in any case
		}
		plan[failed+i].Amount = schedule.Share(share.Mul(share, left))
	}
	return nil
}

// fraction is the share of the balance that an entry takes; none if it has an
// amount.
func fraction(e schedule.Entry) (*big.Rat, error) {
	if e.Amount.Fraction == "" {
		return new(big.Rat), nil
	}
	r, err := decimal.Parse(e.Amount.Fraction)
	if err != nil {
		return nil, fmt.Errorf("fraction of mixdepth %d: %w", e.Mixdepth, err)
	}
	return r, nil
}
