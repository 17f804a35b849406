package maker

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// again returns the sets, of those that takers were shown, whose coins are all
// unspent and may be shown, that hold target or more, those that hold least
// first. Whoever was shown some and did not use them knows that they have one
// owner; showing the same ones again, and not others, tells the next such taker
// nothing new (attack M22).
func again(shown [][]wire.OutPoint, own []coins.Coin, target sats.Amount) (found [][]coins.Coin) {
	byOut := make(map[wire.OutPoint]coins.Coin, len(own))
	for _, c := range own {
		byOut[c.OutPoint] = c
	}
	for _, set := range shown {
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
