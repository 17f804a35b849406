// Package moment keeps a time where several goroutines set and read it without a
// lock.
package moment

import (
	"sync/atomic"
	"time"
)

// began is what moments are counted from, on the clock that nobody sets.
var began = time.Now()

// Moment is a time, or never. Its zero value is never; it must not be copied.
type Moment struct{ since atomic.Int64 } // began, ns; 0: never

// Set makes it now, which is never if it is zero.
func (m *Moment) Set(now time.Time) {
	var since time.Duration
	if !now.IsZero() {
		if since = now.Sub(began); since == 0 {
			since = 1
		}
	}
	m.since.Store(int64(since))
}

// Get returns it; the zero time if it is never.
func (m *Moment) Get() time.Time {
	since := time.Duration(m.since.Load())
	if since == 0 {
		return time.Time{}
	}
	return began.Add(since)
}
