package exchange

import "time"

// How long makers get for an answer when those of the same attempt have answered
// so far: a multiple of the slowest answer, but time enough for a wallet and a
// node that are asked for the first time. A maker that is asked to take a fill
// when others have long taken it gets LateFill at least.
const (
	PaceFactor = 4
	PaceLeast  = 30 * time.Second
	LateFill   = 15 * time.Second
)

// Pace is how fast the makers of an attempt have answered so far. The zero value
// knows nothing.
type Pace struct {
	slowest time.Duration // 0 before the first answer
	first   time.Time     // when it came
}

// Heard notes that a maker answered at now what it was sent at asked.
func (p *Pace) Heard(asked, now time.Time) {
	if p.first.IsZero() {
		p.first = now
	}
	p.slowest = max(p.slowest, now.Sub(asked), 1)
}

// Until is when a maker has had its time for an answer that was asked at asked:
// after most, or sooner if all answers were fast so far. One slow maker keeps the
// time for all, and makers that do not answer at all shorten nothing.
func (p Pace) Until(asked time.Time, most time.Duration) time.Time {
	if p.slowest == 0 || p.slowest >= most/PaceFactor {
		return asked.Add(most)
	}
	return asked.Add(min(most, max(PaceLeast, PaceFactor*p.slowest)))
}

// UntilKeyed is Until for the answer to a fill. Makers that have taken it wait
// for auth, and not for long (LimitAuth), so that from the first on the others
// get no more than rest.
func (p Pace) UntilKeyed(asked time.Time, most, rest time.Duration) time.Time {
	until := p.Until(asked, most)
	if p.first.IsZero() {
		return until
	}
	last := p.first.Add(rest)
	if late := asked.Add(LateFill); late.After(last) {
		last = late
	}
	if until.After(last) {
		return last
	}
	return until
}
