package onion

import (
	"hash/maphash"
	"time"
)

// The same line comes once through each directory (protocol: duplicates).
const (
	repeatFor  = 30 * time.Second
	maxRepeats = 20_000 // lines remembered, of each half
)

// repeats remembers lines for at least repeatFor and at most twice as long, in
// bounded memory. The zero value is ready.
type repeats struct {
	seed     maphash.Seed
	now, old map[uint64]time.Time
	turned   time.Time
}

// again reports whether a line of that nick came within repeatFor, and remembers
// it if not. When too many come, some are taken for new: what follows from a line
// does not depend on how often it comes, it only costs more.
func (r *repeats) again(from, text string, now time.Time) bool {
	if r.now == nil {
		r.seed = maphash.MakeSeed()
	}
	if now.Sub(r.turned) > repeatFor || len(r.now) >= maxRepeats || r.now == nil {
		r.now, r.old, r.turned = make(map[uint64]time.Time), r.now, now
	}
	var h maphash.Hash
	h.SetSeed(r.seed)
	h.WriteString(from)
	h.WriteString(text)
	sum := h.Sum64()
	for _, m := range []map[uint64]time.Time{r.now, r.old} {
		if at, ok := m[sum]; ok && now.Sub(at) <= repeatFor {
			return true
		}
	}
	r.now[sum] = now
	return false
}
