package commitment

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// tag stands for a commitment in memory: 64 bits of a hash of its bytes under a
// secret of this process. Strangers choose the bytes of what they publish, but
// not the tag, so two commitments share one by chance only: of a list of ten
// million a new one is taken for used once in 1.8 * 10^12 times. None that was
// used is ever taken for new.
type tag uint64

// tagger makes tags; the secret of one list.
type tagger [16]byte

func newTagger() (t tagger) {
	rand.Read(t[:])
	return t
}

func (t tagger) tag(v Value) tag {
	var text [len(t) + len(v)]byte
	copy(text[:], t[:])
	copy(text[len(t):], v[:])
	sum := sha256.Sum256(text[:])
	return max(1, tag(binary.BigEndian.Uint64(sum[:])))
}

// shards is how many tables a set has. They grow one at a time, so that no call
// moves more than a thousandth of the set: with ten million commitments 6144
// tags at most.
const shards = 1024

// set is a set of tags in hash tables with linear probing: 8 bytes a place, 3/8
// to 3/4 of the places taken. Ten million take 128 MiB, a million 16 MiB.
type set struct {
	tables [shards][]tag // 0 is a free place; lengths are powers of two
	counts [shards]int
	n      int
}

// has reports whether t is in the set.
func (s *set) has(t tag) bool {
	table := s.tables[t%shards]
	return len(table) > 0 && table[find(table, t)] == t
}

// add puts t into the set.
func (s *set) add(t tag) {
	table, count := &s.tables[t%shards], &s.counts[t%shards]
	if 4*(*count+1) > 3*len(*table) {
		grown := make([]tag, max(4, 2*len(*table)))
		for _, old := range *table {
			if old != 0 {
				grown[find(grown, old)] = old
			}
		}
		*table = grown
	}
	if place := find(*table, t); (*table)[place] == 0 {
		(*table)[place] = t
		*count++
		s.n++
	}
}

// find is where t is in a table, or the free place where it belongs.
func find(table []tag, t tag) int {
	mask := len(table) - 1
	for i := int(t/shards) & mask; ; i = (i + 1) & mask {
		if table[i] == t || table[i] == 0 {
			return i
		}
	}
}
