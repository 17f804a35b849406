package chain

import (
	"sync"
	"time"
)

// Progresser is a Backend that tells how far a search that takes long has come.
type Progresser interface {
	// Progress returns false while nothing is searched. It never waits.
	Progress() (Progress, bool)
}

// Progress is how far something has come.
type Progress struct {
	What     string        // such as "searching the chain for the wallet's history"
	Permille int           // of the work that is done, 0..1000
	Left     time.Duration // estimate of the time still needed; 0: not known yet
}

// Meter measures work, counted in any unit such as blocks, for a Progresser. The
// zero value measures nothing. It is safe for use from several goroutines.
type Meter struct {
	mu    sync.Mutex // protects the fields below
	what  string     // empty while there is nothing to measure
	since time.Time
	// The work is first..last. At the time since it was at from; it is at now.
	first, from, now, last int64
}

// Progress is that of the work; false between End and Begin.
func (m *Meter) Progress() (Progress, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.what == "" {
		return Progress{}, false
	}
	report := Progress{What: m.what}
	if all := m.last - m.first; all > 0 {
		report.Permille = int((m.now - m.first) * 1000 / all)
	}
	if done := m.now - m.from; done > 0 {
		perUnit := float64(time.Since(m.since)) / float64(done)
		report.Left = time.Duration(perUnit * float64(m.last-m.now))
	}
	return report, true
}

// Begin starts the measure of work first..last that goes on at from, where it
// was interrupted.
func (m *Meter) Begin(what string, first, from, last int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.what, m.since = what, time.Now()
	m.first, m.from, m.now, m.last = first, from, from, last
}

// At notes that the work has come to a point. It goes neither back nor beyond
// the end: who reports it may be a little off.
func (m *Meter) At(point int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = min(max(m.now, point), m.last)
}

// End tells that the work is done, or left.
func (m *Meter) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.what = ""
}
