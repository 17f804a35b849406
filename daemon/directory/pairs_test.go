package directory

import (
	"testing"
	"time"
)

// TestPairs: who wrote to whom is remembered, in both directions apart, for a
// while after it was last so, and in bounded memory.
func TestPairs(t *testing.T) {
	var s pairs
	a, b := &peer{id: 1}, &peer{id: 2}
	now := time.Unix(1_000_000, 0)
	for i, step := range []struct {
		from, to    *peer
		pause       time.Duration
		news, known bool
	}{
		{a, b, 0, true, false}, {a, b, 0, false, false}, {b, a, 0, true, true}, {a, b, 0, false, true},
		{a, b, pairsFor + time.Second, false, true}, {a, b, pairsFor + time.Second, false, false}, {a, b, 3 * pairsFor, false, false},
		{b, a, 0, true, true}, {a, b, 0, false, true},
	} {
		now = now.Add(step.pause)
		if news, known := s.note(step.from, step.to, now); news != step.news || known != step.known {
			t.Errorf("step %d: news %v, known %v", i, news, known)
		}
	}
	for id := range uint64(5 * pairsKept) {
		s.note(&peer{id: id + 10}, b, now)
	}
	if n := len(s.now) + len(s.then); n > 2*pairsKept {
		t.Errorf("%d pairs are kept", n)
	}
	if news, _ := s.note(&peer{id: 5*pairsKept + 9}, b, now); news {
		t.Error("the last one is forgotten")
	}
}
