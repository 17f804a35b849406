package commitment

import (
	"math/rand/v2"
	"testing"
)

// TestSet compares a set with a map, and looks at what it costs.
func TestSet(t *testing.T) {
	var s set
	model := map[tag]bool{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		u := max(1, tag(random.Uint64N(300_000)))
		if random.IntN(2) == 0 {
			u = u*shards + 7 // most of them in one table
		}
		if s.has(u) != model[u] {
			t.Fatalf("%d: %v", u, s.has(u))
		}
		if random.IntN(2) == 0 {
			s.add(u)
			model[u] = true
		}
		if s.n != len(model) {
			t.Fatalf("%d tags, want %d", s.n, len(model))
		}
	}
	for i := range s.tables {
		if free := len(s.tables[i]) - s.counts[i]; s.counts[i] > 4 && (4*free < len(s.tables[i]) || 8*s.counts[i] < 3*len(s.tables[i])) {
			t.Errorf("table %d has %d of %d places taken", i, s.counts[i], len(s.tables[i]))
		}
	}
	for u := range model {
		if !s.has(u) {
			t.Fatalf("%d is lost", u)
		}
	}
}

// TestM1TagsAreOfTheBytes: equal bytes have equal tags and others do not, and no
// stranger can tell what the tag of anything is.
func TestM1TagsAreOfTheBytes(t *testing.T) {
	a, b := newTagger(), newTagger()
	seen := map[tag]bool{}
	for i := range 100_000 {
		u := a.tag(value(i))
		if u == 0 || seen[u] || u != a.tag(value(i)) {
			t.Fatalf("tag of %d: %d", i, u)
		}
		seen[u] = true
		if u == b.tag(value(i)) {
			t.Fatal("the tag is the same in another process")
		}
	}
}
