package directory

import (
	"container/list"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/rate"
)

// door decides who may come in. Connections that say nothing have no place that
// others cannot get, and a circuit has none for a second connection that another
// circuit needs for its first.
type door struct {
	mu        sync.Mutex
	open      map[*peer]struct{}
	evicted   int       // connections that are not open any more, and have not ended
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
	circuit netip.Addr // if known
	peers   []*peer    // of a known circuit, the oldest first; guarded by the door

	mu     sync.Mutex
	lines  rate.Bucket
	public rate.Bucket
}

func newOrigin(l *Limits) *origin {
	return &origin{lines: rate.New(l.Lines), public: rate.New(l.Public)}
}

func newDoor(l *Limits) *door {
	return &door{open: make(map[*peer]struct{}), origins: make(map[netip.Addr]*origin), hellos: rate.New(l.Hellos), lines: rate.New(l.AllLines), empty: make(chan struct{})}
}

// patience is how long a connection without a hello keeps its place when another
// wants it.
const patience = 2 * time.Second

// slack is how many connections may be there beyond the bound: those that are
// ending, and those of which the circuit is not known yet.
const slack = 100

// enter lets a connection in. If there are too many, one that has said nothing
// for a while makes room.
func (d *door) enter(p *peer, most int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.evicted > slack {
		return false
	}
	if len(d.open) >= most {
		oldest := d.strangers.Front()
		if oldest == nil || p.since.Sub(oldest.Value.(*peer).since) < patience {
			return false
		}
		d.evict(oldest.Value.(*peer), refusedHello)
	}
	d.open[p] = struct{}{}
	p.stranger = d.strangers.PushBack(p)
	return true
}

// evict takes a connection's place away.
func (d *door) evict(p *peer, why cause) {
	d.remove(p)
	d.evicted++
	p.close(why)
}

// remove gives a connection's place back.
func (d *door) remove(p *peer) {
	d.greeted(p)
	delete(d.open, p)
	if o := p.origin; o != nil && o.circuit.IsValid() {
		o.peers = slices.DeleteFunc(o.peers, func(other *peer) bool { return other == p })
		if len(o.peers) == 0 {
			delete(d.origins, o.circuit)
		}
	}
}

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
	if _, ok := d.open[p]; ok {
		d.remove(p)
	} else {
		d.evicted--
	}
	d.last()
}

// last notes that nobody is in and nobody will be.
func (d *door) last() {
	if d.closed && len(d.open)+d.evicted == 0 {
		close(d.empty)
	}
}

// from gives a connection its origin. It reports why not, and false, if the circuit
// has all that it may have, or the directory is full and no circuit has more.
func (d *door) from(p *peer, circuit netip.Addr, l *Limits) (why cause, ok bool) {
	if !circuit.IsValid() {
		p.origin = newOrigin(l)
		return 0, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.open[p]; !ok {
		return refusedHello, false // evicted meanwhile
	}
	o := d.origins[circuit]
	if o == nil {
		o = newOrigin(l)
		o.circuit = circuit
	}
	if len(o.peers) >= l.PerCircuit {
		return refusedCircuit, false
	}
	if len(d.open) > l.Peers {
		crowded := d.crowded()
		if crowded == nil || len(crowded.peers) < len(o.peers)+2 {
			return refusedFull, false
		}
		d.evict(crowded.peers[len(crowded.peers)-1], closedCrowd)
	}
	d.origins[circuit] = o
	o.peers = append(o.peers, p)
	p.origin = o
	return 0, true
}

// crowded is a circuit of which no other has more connections, or nil.
func (d *door) crowded() (most *origin) {
	for _, o := range d.origins {
		if most == nil || len(o.peers) > len(most.peers) {
			most = o
		}
	}
	return most
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
