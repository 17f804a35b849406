package daemon

import (
	"cmp"
	"maps"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
)

// Bounds are those limits of what strangers can have a session do, or keep, and
// clients a daemon, that an operator may want to set otherwise; docs/limits.md
// has all limits.
// A field that is 0 means that of DefaultBounds.
type Bounds struct {
	Clients       int // clients at a time, those included that are waited for
	Conversations int // open conversations of a maker; those that wait for auth, which cost a taker nothing to begin, end after LimitAuth (attack M7)
	Nicks         int // nicks in a session's order book
	Offers        int // offers there; at most protocol.MaxOffers
	Answers       int // a minute: offers that a maker sends in answer to !orderbook, in all
	Pushes        int // an hour: transactions that a maker is asked to broadcast, in all
	Hearsay       int // commitments that are kept because others publish them
}

// DefaultBounds is what holds if nothing else is said. Fifty takers that come at
// once are served; more conversations would not help on a public server, where
// their first answers alone leave in a minute and a half, and a taker waits for
// less.
var DefaultBounds = Bounds{Clients: 32, Conversations: 64, Nicks: 20_000, Offers: 20_000, Answers: 120, Pushes: 60, Hearsay: 1_000_000}

// or fills in from others what is 0.
func (b Bounds) or(others Bounds) Bounds {
	return Bounds{
		Clients:       cmp.Or(b.Clients, others.Clients),
		Conversations: cmp.Or(b.Conversations, others.Conversations),
		Nicks:         cmp.Or(b.Nicks, others.Nicks),
		Offers:        cmp.Or(b.Offers, others.Offers),
		Answers:       cmp.Or(b.Answers, others.Answers),
		Pushes:        cmp.Or(b.Pushes, others.Pushes),
		Hearsay:       cmp.Or(b.Hearsay, others.Hearsay),
	}
}

// within is n events in a period, half of them at once.
func within(period time.Duration, n int) rate.Bucket {
	return rate.New(rate.Rate{Every: period / time.Duration(n), Burst: max(1, n/2)})
}

// sweepEvery is how often the memory of floods that are over is given back.
const sweepEvery = time.Minute

func (s *session) sweepLater() {
	s.clock.after(sweepEvery, func() {
		s.sweep(time.Now())
		s.sweepLater()
	})
}

// sweep forgets whose rates need no watching any more.
func (s *session) sweep(now time.Time) {
	s.in.sweep(now)
	s.out.sweep()
	s.book.Sweep()
	s.clock.alarms = append(alarms(nil), s.clock.alarms...)
	for _, l := range s.links {
		l.forget(now)
	}
	s.role.sweep(now)
}

// shrunk is a map with the same in it and room for no more: one from which much
// was deleted keeps its size.
func shrunk[K comparable, V any](m map[K]V) map[K]V {
	small := make(map[K]V, len(m))
	maps.Copy(small, m)
	return small
}

// allowed counts what a limit does not let through.
func (s *session) allowed(ok bool, limit count.Cause) bool {
	if !ok {
		s.d.counts.Inc(limit)
	}
	return ok
}
