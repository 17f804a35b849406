package taker

import (
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Traces says what anybody can tell of a CoinJoin who adds up amounts: for which
// change outputs there is one set of inputs, and only one, that is worth the
// change, the CoinJoin amount and some fees (attack P3). The equal outputs stay
// untold. The protocol has no cure for it but to leave no change: a sweep.
type Traces struct {
	Change int  // change outputs of the transaction
	Told   int  // of them, those whose inputs can be told
	Own    bool // ours is one of these
}

// maxSums bounds how many sets of inputs are looked at: all up to a size, which
// no participant exceeds with the usual one to four coins each.
const maxSums = 300_000

// Traces adds up the amounts as an onlooker would, who takes fees for possible up
// to what the taker paid in all. A change output of somebody with very many
// inputs may count as untold.
func (r Result) Traces() (t Traces) {
	var inputs []sats.Amount
	for _, part := range r.Parts {
		for _, in := range part.Inputs {
			inputs = append(inputs, in.Value)
		}
	}
	sums := setSums(inputs)
	slices.Sort(sums)
	for i, part := range r.Parts {
		if part.Change.Value == 0 {
			continue
		}
		t.Change++
		worth := r.Amount + part.Change.Value
		first, _ := slices.BinarySearch(sums, worth-r.Cost())
		behind, _ := slices.BinarySearch(sums, worth+r.Cost()+1)
		if behind-first == 1 {
			t.Told++
			t.Own = t.Own || i == 0
		}
	}
	return t
}

// setSums are the sums of all sets of one or more values, up to the size of which
// there are not too many.
func setSums(values []sats.Amount) (sums []sats.Amount) {
	type set struct {
		sum  sats.Amount
		next int // the first value that may join
	}
	sets := []set{{}}
	for len(sets) > 0 {
		var larger []set
		for _, s := range sets {
			for i := s.next; i < len(values); i++ {
				larger = append(larger, set{s.sum + values[i], i + 1})
			}
			if len(sums)+len(larger) > maxSums {
				return sums
			}
		}
		for _, s := range larger {
			sums = append(sums, s.sum)
		}
		sets = larger
	}
	return sums
}
