package maker

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// maxShown is how many sets of coins are remembered; the oldest are forgotten
// first.
const maxShown = 200

// shown are the sets of coins that takers were shown, the oldest first. Whoever
// was shown some and did not use them knows that they have one owner; showing
// the same ones again, and not others, tells the next such taker nothing new
// (attack M22). It lasts as long as the maker.
type shown struct {
	sets [][]wire.OutPoint
}

// add remembers a set.
func (s *shown) add(set []coins.Coin) {
	outs := make([]wire.OutPoint, len(set))
	for i, c := range set {
		outs[i] = c.OutPoint
	}
	slices.SortFunc(outs, func(x, y wire.OutPoint) int {
		return cmp.Or(bytes.Compare(x.Hash[:], y.Hash[:]), cmp.Compare(x.Index, y.Index))
	})
	s.sets = slices.DeleteFunc(s.sets, func(other []wire.OutPoint) bool { return slices.Equal(outs, other) })
	s.sets = append(s.sets, outs)
	s.sets = s.sets[max(0, len(s.sets)-maxShown):]
}

// again returns the sets whose coins are all unspent and may be shown, that
// hold target or more, those that hold least first; and forgets those with spent
// coins.
func (s *shown) again(own []coins.Coin, target sats.Amount) (found [][]coins.Coin) {
	byOut := make(map[wire.OutPoint]coins.Coin, len(own))
	for _, c := range own {
		byOut[c.OutPoint] = c
	}
	s.sets = slices.DeleteFunc(s.sets, func(set []wire.OutPoint) bool {
		return slices.ContainsFunc(set, func(out wire.OutPoint) bool { _, ours := byOut[out]; return !ours })
	})
	for _, set := range s.sets {
		var held []coins.Coin
		for _, out := range set {
			if c := byOut[out]; !c.Frozen && c.Height > 0 {
				held = append(held, c)
			}
		}
		if len(held) == len(set) && coins.Sum(held) >= target {
			found = append(found, held)
		}
	}
	slices.SortStableFunc(found, func(x, y []coins.Coin) int { return cmp.Compare(coins.Sum(x), coins.Sum(y)) })
	return found
}
