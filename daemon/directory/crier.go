package directory

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory/fair"
	"github.com/joinmarket-go/joinmarket/daemon/directory/outbox"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// crier tells everybody: public lines, and who has left. It gathers what comes
// while it waits, so that each peer is written to a few times a second at most,
// whatever is said.
type crier struct {
	d *Directory

	mu sync.Mutex // guards the fields below, and the source of each peer
	// The lanes: requests for the order book, each of which every maker answers,
	// and all else.
	lanes  [2]lane
	left   []protocol.Nick // in the order of leaving
	places map[protocol.Nick]string
	wake   chan struct{} // holds one when something waits

	// Of run.
	cost    rate.Bucket // KiB to all
	told    time.Time   // when it was told last who left
	crowd   []*peer
	pending []cry
}

type lane struct {
	lines *fair.Queue[*peer]
	rate  rate.Bucket
}

// cry is a public line.
type cry struct {
	from *peer
	line []byte
}

func newCrier(d *Directory, l *Limits) *crier {
	c := &crier{d: d, places: make(map[protocol.Nick]string), wake: make(chan struct{}, 1)}
	c.limit(l)
	for i := range c.lanes {
		c.lanes[i].lines = fair.NewQueue[*peer](publicWaiting, publicEach)
	}
	return c
}

// limit sets the rates.
func (c *crier) limit(l *Limits) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[0].rate, c.lanes[1].rate = rate.New(l.Requests), rate.New(l.Offers)
	c.cost = rate.New(rate.Rate{Every: time.Second * 1024 / time.Duration(l.Broadcast), Burst: l.Broadcast / 1024})
}

// cry has a line told to all but its sender, and reports false if too many wait.
func (c *crier) cry(p *peer, request bool, line []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	which := 1
	if request {
		which = 0
	}
	taken := c.lanes[which].lines.Put(&p.source, p, int64(p.since.Sub(c.d.began)), line)
	c.poke()
	return taken
}

// gone has it told that a peer has left, if it was ever heard of.
func (c *crier) gone(p *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.lanes {
		c.lanes[i].lines.Drop(&p.source)
	}
	if !p.visible.Load() || c.d.ending.Load() || len(c.places) >= leftWaiting {
		return
	}
	if _, ok := c.places[p.nick]; !ok {
		c.left = append(c.left, p.nick)
	}
	c.places[p.nick] = string(p.location)
	c.poke()
}

func (c *crier) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// waiting is how many public lines wait.
func (c *crier) waiting() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lanes {
		n += l.lines.Len()
	}
	return n
}

// run tells everybody until ctx ends.
func (c *crier) run(ctx context.Context) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-again.C:
		}
		quiet, later := c.tell(time.Now())
		if quiet > 0 && !pause(ctx.Done(), quiet) {
			return
		}
		if later >= 0 {
			again.Reset(later)
		}
	}
}

// perPeer is how long it is quiet after a batch for each peer that got it, which
// makes batches of a few when there are many: 10,000 peers are written to five
// times a second.
const perPeer = 20 * time.Microsecond

// tell tells what may be told now. It returns how long to be quiet then, and after
// what time more of what waits may be told, or less than 0 if nothing waits.
func (c *crier) tell(now time.Time) (quiet, later time.Duration) {
	batch, left, later := c.gather(now)
	if len(batch) == 0 && left == nil {
		return 0, later
	}
	c.crowd = c.d.registry.all(c.crowd[:0])
	size := c.spread(batch, left)
	c.mu.Lock()
	cost := c.cost.Reserve(size*len(c.crowd)/1024, now)
	c.mu.Unlock()
	quiet = max(time.Duration(len(c.crowd))*perPeer, cost)
	clear(c.crowd)
	clear(c.pending)
	return quiet, later
}

// gather takes what may be told now: lines, and those that left, as a line. It
// returns after what time there is more, or less than 0 if nothing waits.
func (c *crier) gather(now time.Time) (batch []cry, left []byte, later time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch = c.pending[:0]
	later = -1
	wait := func(d time.Duration) {
		if later < 0 || d < later {
			later = max(0, d)
		}
	}
	size := 0
	for i := range c.lanes {
		l := &c.lanes[i]
		for l.lines.Len() > 0 {
			if size >= maxBatch || !l.rate.Allow(now) {
				wait(l.rate.Delay(now))
				break
			}
			from, line, ok := l.lines.Pop()
			if !ok {
				break
			}
			from.visible.Store(true)
			batch = append(batch, cry{from, line})
			size += len(line)
		}
	}
	if len(c.left) > 0 && now.Sub(c.told) >= leaveEvery {
		left, c.told = c.leaving(), now
	}
	if len(c.left) > 0 {
		wait(c.told.Add(leaveEvery).Sub(now))
	}
	c.pending = batch
	return batch, left, later
}

// leaving is the line that tells of those who left first, and are not back.
func (c *crier) leaving() []byte {
	var entries strings.Builder
	n := 0
	for len(c.left) > 0 && n < maxLeft {
		nick := c.left[0]
		c.left = c.left[1:]
		place := c.places[nick]
		delete(c.places, nick)
		if c.d.registry.find(nick) == nil {
			entries.WriteString(string(nick) + ";" + place + ";D,")
			n++
		}
	}
	if len(c.left) == 0 {
		c.left = nil
	}
	if n == 0 {
		return nil
	}
	c.d.counts.add(outLeft, n)
	return peerLine(c.d.ownEntry() + strings.TrimSuffix(entries.String(), ","))
}

// breath is how many peers a batch is put out to before others have their turn: a
// private line is not to wait for thousands of writes.
const breath = 32

// spread writes a batch to the crowd, and returns its size in bytes. Whoever said
// a line of it gets the others.
func (c *crier) spread(batch []cry, left []byte) int {
	all := make([][]byte, 0, len(batch)+1)
	senders := make(map[*peer]bool, len(batch))
	for _, b := range batch {
		all = append(all, b.line)
		senders[b.from] = true
	}
	if left != nil {
		all = append(all, left)
	}
	c.d.counts.add(outPublic, len(batch))
	block := bytes.Join(all, nil)
	for i, p := range c.crowd {
		if i%breath == breath-1 {
			runtime.Gosched()
		}
		if !senders[p] {
			p.send(block, outbox.Shared)
			continue
		}
		for n, line := range all {
			if n >= len(batch) || batch[n].from != p {
				p.send(line, outbox.Shared)
			}
		}
	}
	return len(block)
}
