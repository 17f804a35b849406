package directory

import (
	"sync"
	"time"
)

// pairs remembers who wrote to whom lately, in two generations: when one is full
// or old, the one before it is forgotten.
type pairs struct {
	mu        sync.Mutex
	now, then map[pair]struct{}
	began     time.Time
}

// pair is two peers: who comes again, even as the same nick, is another.
type pair struct{ from, to uint64 }

// note remembers that from wrote to to, and reports whether that is news, and
// whether to wrote to from.
func (s *pairs) note(from, to *peer, at time.Time) (news, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.now) >= pairsKept || at.Sub(s.began) > pairsFor {
		s.now, s.then, s.began = make(map[pair]struct{}), s.now, at
	}
	p := pair{from.id, to.id}
	if _, ok := s.now[p]; !ok {
		_, ok = s.then[p]
		news = !ok
		s.now[p] = struct{}{}
	}
	back := pair{to.id, from.id}
	if _, known = s.now[back]; !known {
		_, known = s.then[back]
	}
	return news, known
}
