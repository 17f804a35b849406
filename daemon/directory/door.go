package directory

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/rate"
)

// door decides who may come in. Connections that say nothing have no place that
// others cannot get.
type door struct {
	mu        sync.Mutex
	open      map[*peer]struct{}
	strangers list.List // of *peer without a hello, the oldest first
	origins   map[netip.Addr]*origin
	hellos    rate.Bucket
	lines     rate.Bucket // of all
	closed    bool
	empty     chan struct{} // closed when it is, and nobody is in
}

// origin is a circuit of Tor, or a connection whose circuit is not known. Its
// budgets are those of all its connections together (attacks N13, N15).
type origin struct {
	circuit     netip.Addr // if known
	connections int        // guarded by the door

	mu     sync.Mutex
	lines  rate.Bucket
	public rate.Bucket
}

func newOrigin(l *Limits) *origin {
	return &origin{connections: 1, lines: rate.New(l.Lines), public: rate.New(l.Public)}
}

func newDoor(l *Limits) *door {
	return &door{open: make(map[*peer]struct{}), origins: make(map[netip.Addr]*origin), hellos: rate.New(l.Hellos), lines: rate.New(l.AllLines), empty: make(chan struct{})}
}

// patience is how long a connection without a hello keeps its place when another
// wants it.
const patience = 2 * time.Second

// enter lets a connection in. If there are too many, one that has said nothing
// for a while makes room.
func (d *door) enter(p *peer, most int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	if len(d.open) >= most {
		oldest := d.strangers.Front()
		if oldest == nil || p.since.Sub(oldest.Value.(*peer).since) < patience {
			return false
		}
		d.greeted(oldest.Value.(*peer))
		oldest.Value.(*peer).close(refusedHello)
		if len(d.open) >= most+slack {
			return false
		}
	}
	d.open[p] = struct{}{}
	p.stranger = d.strangers.PushBack(p)
	return true
}

// slack is how many connections that are being closed may be there beyond the
// bound.
const slack = 100

// said notes that a connection has said hello.
func (d *door) said(p *peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.greeted(p)
}

func (d *door) greeted(p *peer) {
	if p.stranger != nil {
		d.strangers.Remove(p.stranger)
		p.stranger = nil
	}
}

// leave is the end of a connection that entered.
func (d *door) leave(p *peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.greeted(p)
	delete(d.open, p)
	d.last()
	if o := p.origin; o != nil {
		if o.connections--; o.connections == 0 && o.circuit.IsValid() {
			delete(d.origins, o.circuit)
		}
	}
}

// last notes that nobody is in and nobody will be.
func (d *door) last() {
	if d.closed && len(d.open) == 0 {
		close(d.empty)
	}
}

// from gives a connection its origin, unless that has as many as it may have.
func (d *door) from(p *peer, circuit netip.Addr, l *Limits) bool {
	if !circuit.IsValid() {
		p.origin = newOrigin(l)
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.origins[circuit]
	switch {
	case o == nil:
		o = newOrigin(l)
		o.circuit = circuit
		d.origins[circuit] = o
	case o.connections >= l.PerCircuit:
		return false
	default:
		o.connections++
	}
	p.origin = o
	return true
}

// hello is how long a hello has to wait for its turn; false: for too long. Those
// that are refused do not make others wait.
func (d *door) hello(now time.Time) (wait time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hellos.Delay(now) > turnWait {
		return 0, false
	}
	return d.hellos.Reserve(1, now), true
}

// line is how long a line of an origin has to wait for its turn.
func (d *door) line(o *origin, now time.Time) time.Duration {
	o.mu.Lock()
	wait := o.lines.Reserve(1, now)
	o.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(wait, d.lines.Reserve(1, now))
}

// mayCry reports whether an origin may say a public line, and counts it.
func (o *origin) mayCry(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.public.Allow(now)
}

// shut lets nobody in any more, and returns all that are.
func (d *door) shut() (all []*peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for p := range d.open {
		all = append(all, p)
	}
	d.last()
	return all
}

// status is how many connections there are, and how many known circuits.
func (d *door) status() (connections, circuits int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open), len(d.origins)
}

// limit sets the rates of all together; those of an origin are of its beginning.
func (d *door) limit(l *Limits) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hellos, d.lines = rate.New(l.Hellos), rate.New(l.AllLines)
}
