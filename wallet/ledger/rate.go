package ledger

import (
	"math"
	"time"
)

// year is what the reference counts as one.
const year = 365 * 24 * time.Hour

// Rate returns the interest at which a bank account with the wallet's deposits
// and withdrawals would have its balance now, in percent a year, compounded
// continuously, as the reference computes it. ok is false if the CoinJoins
// earned and cost nothing, or if no rate from -100 to 100 fits.
//
// It is a statistic, not money: it is a float, and nothing is decided by it.
func (l Ledger) Rate(now time.Time) (percent float64, ok bool) {
	// missing is how far the account would be off at a rate.
	missing := func(rate float64) float64 {
		total := -float64(l.Balance)
		for _, r := range l.Rows {
			if r.Kind != CJInternal {
				age := now.Sub(r.Time).Hours() / year.Hours()
				total += float64(r.Change) * math.Exp(rate*age)
			}
		}
		return total
	}
	low, high := -1.0, 1.0
	if l.Profit == 0 || missing(low)*missing(high) > 0 {
		return 0, false
	}
	rising := missing(high) > missing(low)
	for range 64 {
		middle := (low + high) / 2
		if (missing(middle) < 0) == rising {
			low = middle
		} else {
			high = middle
		}
	}
	return 100 * (low + high) / 2, true
}
