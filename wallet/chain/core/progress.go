package core

import (
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

var _ chain.Progresser = (*Backend)(nil)

// What Progress calls the searches.
const (
	scanning  = "looking through the unspent outputs"
	searching = "searching the chain for the wallet's history"
)

// progress measures a search in any unit, such as transactions.
type progress struct {
	mu    sync.Mutex
	what  string // empty while nothing is searched
	since time.Time
	// The work is first..last. At the time since it was at from; it is at now.
	first, from, now, last int64
}

// Progress implements chain.Progresser.
func (b *Backend) Progress() (chain.Progress, bool) {
	p := &b.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.what == "" {
		return chain.Progress{}, false
	}
	report := chain.Progress{What: p.what}
	if all := p.last - p.first; all > 0 {
		report.Permille = int((p.now - p.first) * 1000 / all)
	}
	if done := p.now - p.from; done > 0 {
		perUnit := float64(time.Since(p.since)) / float64(done)
		report.Left = time.Duration(perUnit * float64(p.last-p.now))
	}
	return report, true
}

// begin starts the measure of a search that goes on at from.
func (p *progress) begin(what string, first, from, last int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.since = what, time.Now()
	p.first, p.from, p.now, p.last = first, from, from, last
}

// at notes that the work has come to a point.
func (p *progress) at(point int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = min(max(p.now, point), p.last) // nodes report a little less at times
}

// end tells that nothing is searched any more.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = ""
}
