package coins

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

// ErrLeased means that a coin is set aside for somebody else already.
var ErrLeased = errors.New("coin is in use")

// Leases is the one table of coins that are set aside, so that no coin is ever
// in two sessions (attack D2). It is safe for use from several goroutines. The
// zero value is empty and ready.
type Leases struct {
	// Changed, if not nil, is called after coins were taken or released, but not
	// when a lease runs out. Set it before the first use; it must not block.
	Changed func()

	mu   sync.Mutex
	held map[wire.OutPoint]*Lease // protected by mu
}

// Lease is a set of coins that belongs to one owner until it is released or
// runs out.
type Lease struct {
	Owner string // what the coins are for, shown to the user
	Coins []Coin

	table *Leases
	until time.Time // protected by table.mu
}

// Take leases the coins that choose returns to owner for ttl. choose is told
// which coins are leased now; the table is locked while it runs, so it must not
// call it. An error of choose, or ErrLeased when it returns a leased coin or
// one coin twice, leaves the table as it was.
func (l *Leases) Take(owner string, ttl time.Duration,
	choose func(leased func(wire.OutPoint) bool) ([]Coin, error)) (lease *Lease, err error) {
	defer func() {
		if err == nil {
			l.changed()
		}
	}()
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	chosen, err := choose(func(out wire.OutPoint) bool { return l.heldLocked(out, now) })
	if err != nil {
		return nil, err
	}
	lease = &Lease{Owner: owner, Coins: chosen, table: l, until: now.Add(ttl)}
	for i, c := range chosen {
		if l.heldLocked(c.OutPoint, now) {
			for _, taken := range chosen[:i] {
				delete(l.held, taken.OutPoint)
			}
			return nil, fmt.Errorf("%w: %v", ErrLeased, c.OutPoint)
		}
		if l.held == nil {
			l.held = make(map[wire.OutPoint]*Lease)
		}
		l.held[c.OutPoint] = lease
	}
	return lease, nil
}

func (l *Leases) changed() {
	if l.Changed != nil {
		l.Changed()
	}
}

// Owners returns the coins that are set aside now, and for whom.
func (l *Leases) Owners() map[wire.OutPoint]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, owners := time.Now(), make(map[wire.OutPoint]string)
	for out := range l.held {
		if l.heldLocked(out, now) {
			owners[out] = l.held[out].Owner
		}
	}
	return owners
}

// Leased reports whether a coin is set aside now.
func (l *Leases) Leased(out wire.OutPoint) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heldLocked(out, time.Now())
}

// Len is the number of coins set aside now.
func (l *Leases) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, n := time.Now(), 0
	for out := range l.held {
		if l.heldLocked(out, now) {
			n++
		}
	}
	return n
}

// heldLocked reports whether out is leased at now, and forgets a lease that has
// run out.
func (l *Leases) heldLocked(out wire.OutPoint, now time.Time) bool {
	lease, ok := l.held[out]
	if ok && !now.Before(lease.until) {
		delete(l.held, out)
		return false
	}
	return ok
}

// Release ends the lease. A second call, or a call after the lease ran out, does
// nothing: the coins may have another owner by then.
func (l *Lease) Release() {
	l.table.mu.Lock()
	released := false
	for _, c := range l.Coins {
		if l.table.held[c.OutPoint] == l {
			delete(l.table.held, c.OutPoint)
			released = true
		}
	}
	l.table.mu.Unlock()
	if released {
		l.table.changed()
	}
}

// Extend makes the lease end ttl from now. It fails with ErrLeased when the
// lease has ended and cannot be relied on any more.
func (l *Lease) Extend(ttl time.Duration) error {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	now := time.Now()
	for _, c := range l.Coins {
		if !l.table.heldLocked(c.OutPoint, now) || l.table.held[c.OutPoint] != l {
			return fmt.Errorf("%w: the lease of %s has ended", ErrLeased, l.Owner)
		}
	}
	l.until = now.Add(ttl)
	return nil
}
