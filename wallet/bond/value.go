package bond

import (
	"errors"
	"math"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// year in seconds is 365.2425 days.
const year = 31_556_952

// ErrRates: interest rate or exponent are out of bounds.
var ErrRates = errors.New("a bond's interest rate must be 0 to 1, its exponent more than 0 and at most 10")

// Rates are a taker's own opinion on what bonds are worth; the settings
// interest_rate and bond_value_exponent.
type Rates struct {
	Interest float64 // lost for a year by who locks coins, 0..1
	Exponent float64 // above 1, one large bond is worth more than many small, 0..10
}

// DefaultRates are those of the reference.
var DefaultRates = Rates{Interest: 0.015, Exponent: 1.3}

// Check returns ErrRates if a rate is out of bounds, or no number at all.
func (r Rates) Check() error {
	if !(r.Interest >= 0 && r.Interest <= 1 && r.Exponent > 0 && r.Exponent <= 10) {
		return ErrRates
	}
	return nil
}

// Value is what a bond weighs when makers are compared: never negative, never
// infinite. It is no amount of money. confirmed is the time of the block with
// the coin, now the median time of the last block; until the locktime the value
// does not depend on now, and afterwards it falls to 0 (spec: fidelity bond
// value). The rates must pass Check.
//
// Whoever displays values as the reference does divides them by 1e16.
func (r Rates) Value(amount sats.Amount, confirmed time.Time, locktime uint32, now time.Time) float64 {
	if !amount.Valid() || amount <= 0 {
		return 0
	}
	share := r.share(confirmed, locktime, now)
	if share <= 0 {
		return 0
	}
	return math.Pow(float64(amount)*share, r.Exponent)
}

// Amount is the least amount whose bond has a value, more than 0, by the same
// times as in Value; 0 if no amount of coins has it.
func (r Rates) Amount(value float64, confirmed time.Time, locktime uint32, now time.Time) sats.Amount {
	share := r.share(confirmed, locktime, now)
	amount := math.Ceil(math.Pow(value, 1/r.Exponent) / share)
	if share <= 0 || !(amount <= float64(sats.Max)) {
		return 0
	}
	return max(1, sats.Amount(amount))
}

// share is what a bond of 1 yields to who had not locked it.
func (r Rates) share(confirmed time.Time, locktime uint32, now time.Time) float64 {
	return r.growth(int64(locktime)-confirmed.Unix()) - r.growth(now.Unix()-int64(locktime))
}

// growth is the interest that a coin of value 1 yields in a time, at most 1 and
// 0 for a time in the past.
func (r Rates) growth(seconds int64) float64 {
	if seconds <= 0 {
		return 0
	}
	return min(1, math.Expm1(r.Interest*float64(seconds)/year))
}
