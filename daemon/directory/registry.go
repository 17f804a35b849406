package directory

import (
	"container/list"
	"sync"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// registry has the peers that said hello. A nick, and a location, is one peer's,
// that of the first that claims it while its connection lives (attack N9). Whether
// a key stands behind a nick we cannot ask, as this program knows no Bitcoin: a
// claim proves nothing, so it takes nothing from anybody (attack N14).
type registry struct {
	mu        sync.RWMutex
	nicks     map[protocol.Nick]*peer
	locations map[onion.Location]*peer
	members   list.List // of *peer, the oldest first
	waiting   int       // claims
}

// claim is the wait of one hello for what another peer has.
type claim struct {
	gone  chan struct{} // closed when the holder has left
	alive chan struct{} // closed when it has shown that it is there
}

func newRegistry() *registry {
	return &registry{nicks: make(map[protocol.Nick]*peer), locations: make(map[onion.Location]*peer)}
}

// join enters p, and then calls first before anybody else can find it. If another
// has its nick or location, join returns that one instead.
func (r *registry) join(p *peer, first func()) (holder *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.nicks[p.nick]; other != nil {
		return other
	}
	if other := r.locations[p.location]; other != nil {
		return other
	}
	r.nicks[p.nick] = p
	if p.location.Serving() {
		r.locations[p.location] = p
	}
	p.place = r.members.PushBack(p)
	first()
	return nil
}

// leave removes p, if it is entered, and wakes who waits for it.
func (r *registry) leave(p *peer) (was bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.place == nil {
		return false
	}
	r.members.Remove(p.place)
	p.place = nil
	delete(r.nicks, p.nick)
	if p.location.Serving() {
		delete(r.locations, p.location)
	}
	if p.claim != nil {
		close(p.claim.gone)
	}
	return true
}

// wait begins to wait for a holder to leave. It returns nil if somebody does so
// already, or too many wait. The wait must be ended.
func (r *registry) wait(holder *peer) *claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	if holder.claim != nil || r.waiting >= maxClaims {
		return nil
	}
	r.waiting++
	c := &claim{gone: make(chan struct{}), alive: make(chan struct{})}
	holder.claim = c
	if holder.place == nil { // left meanwhile
		close(c.gone)
	}
	return c
}

// end ends a wait.
func (r *registry) end(holder *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	holder.claim = nil
}

// alive tells who waits for p that it is there.
func (r *registry) alive(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.claim == nil {
		return
	}
	select {
	case <-p.claim.alive:
	default:
		close(p.claim.alive)
	}
}

// find returns the peer of a nick, or nil.
func (r *registry) find(nick protocol.Nick) *peer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.nicks[nick]
}

// all appends all peers, the oldest first.
func (r *registry) all(to []*peer) []*peer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for e := r.members.Front(); e != nil; e = e.Next() {
		to = append(to, e.Value.(*peer))
	}
	return to
}

func (r *registry) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.members.Len()
}

// claims is how many hellos wait for what another has.
func (r *registry) claims() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.waiting
}
