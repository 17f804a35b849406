package directory

import (
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// pairs remembers who wrote to whom lately, in two generations: when one is full
// or old, the one before it is forgotten.
type pairs struct {
	mu        sync.Mutex
	now, then map[pair]struct{}
	began     time.Time
}

// pair is two nicks, which are of one length.
type pair [2 * protocol.NickSize]byte

func pairOf(from, to protocol.Nick) (p pair) {
	copy(p[:], from)
	copy(p[protocol.NickSize:], to)
	return p
}

// note remembers that from wrote to to, and reports whether that is news, and
// whether to wrote to from.
func (s *pairs) note(from, to protocol.Nick, at time.Time) (news, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.now) >= pairsKept || at.Sub(s.began) > pairsFor {
		s.now, s.then, s.began = make(map[pair]struct{}), s.now, at
	}
	p := pairOf(from, to)
	if _, ok := s.now[p]; !ok {
		_, ok = s.then[p]
		news = !ok
		s.now[p] = struct{}{}
	}
	back := pairOf(to, from)
	if _, known = s.now[back]; !known {
		_, known = s.then[back]
	}
	return news, known
}
