package commitment

import (
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Together is how long after its first fill a taker may bring one commitment to
// further makers of a daemon: as long as makers wait for a transaction, for until
// then its CoinJoin may still be in want of makers.
const Together = 5 * time.Minute

// claim is a commitment in the hands of one taker: while a conversation is open
// that began with it, and if it was used, until Together is over.
type claim struct {
	taker   protocol.Nick
	until   time.Time              // further makers are let in
	open    int                    // reservations, and records on their way to the disk
	shown   map[protocol.Nick]bool // makers that used it
	waiting []chan<- error         // for the record that is on its way; empty: none is
}

// joins reports whether a claim lets its taker in at one more maker, although
// the commitment is known: that is its own doing.
func (c *claim) joins(taker, maker protocol.Nick) bool {
	return c != nil && c.taker == taker && !c.shown[maker] && time.Now().Before(c.until)
}

// Check reports whether a fill of a taker with v would be refused by a maker, and
// why: see Reserve.
func (l *List) Check(v Value, taker, maker protocol.Nick) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.check(l.as.tag(v), taker, maker)
}

// check must be called with mu held.
func (l *List) check(t tag, taker, maker protocol.Nick) error {
	l.forget()
	c := l.claims[t]
	switch {
	case l.closed:
		return ErrClosed
	case c.joins(taker, maker):
		return nil
	case c != nil && c.shown[maker], l.known(t):
		return ErrUsed
	case c != nil && c.taker != taker:
		return ErrReserved
	}
	return nil
}

// Reserve claims v for a taker from its !fill on, so that nobody else uses the
// same commitment in another conversation before it is stored (attack M4). The
// reservation must be released. The rule, by which each commitment opens the
// coins of a maker once, and an honest taker is never refused for what it did
// itself:
//
//   - Who comes first has it. Another nick gets ErrReserved while a conversation
//     of the first is open, and ErrUsed once it was used or published.
//   - A taker commits once to all makers of a CoinJoin, and some may share this
//     daemon. So the nick that has it may bring it to each of them, for Together
//     after its first fill, also when one of them has used it by then, or it was
//     published: that does not count against a CoinJoin begun before.
//   - A maker that showed its coins for it takes it no more, from nobody.
func (l *List) Reserve(v Value, taker, maker protocol.Nick) (*Reservation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.as.tag(v)
	if err := l.check(t, taker, maker); err != nil {
		return nil, err
	}
	c := l.claims[t]
	if c == nil {
		c = &claim{taker: taker, until: time.Now().Add(Together)}
		l.claims[t] = c
	}
	c.open++
	return &Reservation{list: l, value: v, tag: t, claim: c, maker: maker}, nil
}

// Reservation is the right to use a commitment in one conversation. It is not
// safe for concurrent use.
type Reservation struct {
	list     *List
	value    Value
	tag      tag
	claim    *claim
	maker    protocol.Nick
	released bool
}

// Value is the reserved commitment.
func (r *Reservation) Value() Value { return r.value }

// Use records the commitment as used. What it returns gets one value: nil when
// the record has reached the disk, and only then may the maker's coins be shown,
// since otherwise a crash would let the commitment be used again; or why it
// cannot be recorded, and then Use may be tried again. Nothing here waits for the
// disk. Using twice, or at several makers, records once.
func (r *Reservation) Use() <-chan error {
	result := make(chan error, 1)
	if err := r.use(result); err != nil {
		result <- err
	}
	return result
}

func (r *Reservation) use(result chan<- error) error {
	l, c := r.list, r.claim
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case l.used.has(r.tag):
		result <- nil
	case len(c.waiting) > 0:
		c.waiting = append(c.waiting, result)
	case l.used.n+l.recording >= l.maxUsed:
		l.cfg.Counts.Inc(count.LimitCommitmentList)
		return ErrFull
	default:
		l.usedFile.add(entry{value: r.value, written: func(err error) { l.recorded(r.tag, c, err) }})
		c.open++
		c.waiting = append(c.waiting, result)
		l.recording++
	}
	if c.shown == nil {
		c.shown = make(map[protocol.Nick]bool)
	}
	c.shown[r.maker] = true
	return nil
}

// recorded takes note that a commitment is on the disk, or cannot be.
func (l *List) recorded(t tag, c *claim, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recording--
	if err == nil {
		l.used.add(t)
		l.cfg.Counts.Inc(count.CommitmentUsed)
		l.spent = append(l.spent, t)
	} else {
		clear(c.shown)
	}
	for _, result := range c.waiting {
		result <- err
	}
	c.waiting = nil
	l.release(t, c)
}

// Release ends the reservation. It does not undo Use.
func (r *Reservation) Release() {
	if r == nil || r.released {
		return
	}
	r.released = true
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	r.list.release(r.tag, r.claim)
}

// release ends one hold of a claim. It must be called with mu held.
func (l *List) release(t tag, c *claim) {
	c.open--
	l.drop(t, c)
}

// drop forgets a claim that nobody holds and that lets nobody in. It must be
// called with mu held.
func (l *List) drop(t tag, c *claim) {
	if c.open == 0 && (len(c.shown) == 0 || !time.Now().Before(c.until)) && l.claims[t] == c {
		delete(l.claims, t)
	}
}

// forget drops claims of which only Together was left. It must be called with mu
// held.
func (l *List) forget() {
	for len(l.spent) > 0 {
		t := l.spent[0]
		c := l.claims[t]
		if c != nil && time.Now().Before(c.until) {
			return
		}
		l.spent = l.spent[1:]
		if c != nil {
			l.drop(t, c)
		}
	}
}
