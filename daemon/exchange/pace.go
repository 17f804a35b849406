package exchange

import "time"

// How long makers get for an answer when those of the same attempt have answered
// so far: a multiple of the slowest answer, but time enough for a wallet and a
// node that are asked for the first time.
const (
	PaceFactor = 4
	PaceLeast  = 30 * time.Second
)

// Pace is how fast the makers of an attempt have answered so far. The zero value
// knows nothing.
type Pace struct{ slowest time.Duration } // 0 before the first answer

// Heard notes that a maker answered so long after it was asked.
func (p *Pace) Heard(after time.Duration) { p.slowest = max(p.slowest, after, 1) }

// Limit is how long the next answers are waited for: less than most if all
// answers were fast, never more. One slow maker keeps the time for all, and
// makers that do not answer at all shorten nothing.
func (p Pace) Limit(most time.Duration) time.Duration {
	if p.slowest == 0 || p.slowest >= most/PaceFactor {
		return most
	}
	return min(most, max(PaceLeast, PaceFactor*p.slowest))
}
