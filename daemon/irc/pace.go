package irc

import (
	"sync"
	"time"
)

// What a pace learns from the server.
const (
	// maxInterval is the slowest pace.
	maxInterval = 10 * time.Second
	// firstInterval is what a pace without any interval slows down to first.
	firstInterval = 500 * time.Millisecond
	// calmAfter without complaint a slowed pace becomes a third faster.
	calmAfter = 5 * time.Minute
)

// pace is the least time between two lines to a network. It begins at what is
// configured and never goes below that. A server that complains makes it twice
// as slow; a calm time brings it back, but after an end of the connection for
// flooding no longer to where that happened. It outlives connections, so that
// what was learned once is not learned again.
type pace struct {
	mu       sync.Mutex // protects the fields below
	floor    time.Duration
	interval time.Duration
	calm     time.Time // when the interval shrinks next
}

func newPace(interval time.Duration) *pace {
	interval = max(interval, 0)
	return &pace{floor: interval, interval: interval}
}

// now is the interval at present.
func (p *pace) now() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settle()
}

// settle lets pass what the time since the last complaint makes good. The
// caller holds mu.
func (p *pace) settle() time.Duration {
	for p.interval > p.floor && !time.Now().Before(p.calm) {
		p.interval = max(p.interval*2/3, p.floor)
		p.calm = p.calm.Add(calmAfter)
	}
	return p.interval
}

// complaint slows down: the server says that we are too fast, or is late with
// its answers.
func (p *pace) complaint() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow()
}

// flooded slows down for good: the server has ended a connection because of this
// pace.
func (p *pace) flooded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle()
	p.floor = max(min(max(p.interval*5/4, firstInterval), maxInterval), p.floor)
	p.slow()
}

func (p *pace) slow() {
	p.interval = max(min(max(2*p.settle(), firstInterval), maxInterval), p.floor)
	p.calm = time.Now().Add(calmAfter)
}
