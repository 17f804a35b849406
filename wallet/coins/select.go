package coins

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// ErrFunds means that the candidates do not reach the target.
var ErrFunds = errors.New("not enough funds")

// ErrAlgorithm means that a name is none of the four algorithms.
var ErrAlgorithm = errors.New("unknown coin selection algorithm: want default, gradual, greedy or greediest")

// Algorithm names a way to choose coins; the setting merge_algorithm.
type Algorithm string

// The algorithms, from the fewest coins to the most. Many coins in one
// transaction tie them together, few leave many to be spent later
// (spec: taker-maker 5.1).
const (
	Default   Algorithm = "default"
	Gradual   Algorithm = "gradual"
	Greedy    Algorithm = "greedy"
	Greediest Algorithm = "greediest"
)

// Select chooses candidates whose values sum to target or more; target is
// positive. The result is a
// new slice, each coin in it once. Candidates of equal value are taken in the
// order given. The error is ErrFunds with the two sums, sats.ErrRange or
// ErrAlgorithm; the empty Algorithm is Default.
func (a Algorithm) Select(candidates []Coin, target sats.Amount) ([]Coin, error) {
	if target <= 0 {
		return nil, fmt.Errorf("coin selection for %v: %w", target, sats.ErrRange)
	}
	up := ascending(candidates)
	split, _ := slices.BinarySearchFunc(up, target, func(c Coin, v sats.Amount) int { return cmp.Compare(c.Value, v) })
	low, high := up[:split], up[split:] // below the target; each enough alone

	var chosen []Coin
	switch a {
	case Default, "":
		chosen = single(low, high, target)
	case Gradual, Greediest:
		chosen = run(low, high, target, a == Gradual)
	case Greedy:
		chosen = greedy(up, target)
	default:
		return nil, fmt.Errorf("%w: not %q", ErrAlgorithm, string(a))
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%w: need %v, have %v", ErrFunds, target, Sum(candidates))
	}
	return chosen, nil
}

// ascending returns the coins by value, equal ones in the order given. What is
// moved while sorting is much smaller than a Coin.
func ascending(coins []Coin) []Coin {
	type place struct {
		value sats.Amount
		at    int
	}
	places := make([]place, len(coins))
	for i, c := range coins {
		places[i] = place{c.Value, i}
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.value, y.value), cmp.Compare(x.at, y.at))
	})
	sorted := make([]Coin, len(coins))
	for i, p := range places {
		sorted[i] = coins[p.at]
	}
	return sorted
}

// Sum adds the values of coins, which a wallet holds and so cannot overflow.
func Sum(coins []Coin) sats.Amount {
	var total sats.Amount
	for _, c := range coins {
		total += c.Value
	}
	return total
}

// single takes the smallest coin that is enough, else the largest ones.
func single(low, high []Coin, target sats.Amount) []Coin {
	if len(high) > 0 {
		return high[:1]
	}
	var total sats.Amount
	for i := len(low) - 1; i >= 0; i-- {
		if total += low[i].Value; total >= target {
			chosen := low[i:]
			slices.Reverse(chosen)
			return chosen
		}
	}
	return nil
}

// run takes a contiguous run of small coins from the smallest up; with drop it
// then leaves out from the small end what is not needed. When all small coins
// are not enough it takes the smallest coin that is.
func run(low, high []Coin, target sats.Amount, drop bool) []Coin {
	prefix, total := reach(low, target)
	if prefix == nil {
		return high[:min(1, len(high))]
	}
	for drop && total-prefix[0].Value >= target {
		total -= prefix[0].Value
		prefix = prefix[1:]
	}
	return prefix
}

// greedy takes the shortest run from the smallest coin up, then, from its large
// end down, leaves out every coin without which the target is still met.
func greedy(up []Coin, target sats.Amount) []Coin {
	prefix, total := reach(up, target)
	if prefix == nil || total == target {
		return prefix
	}
	spare, last := total-target, len(prefix)-1
	chosen := append(make([]Coin, 0, len(prefix)), prefix[last])
	for i := last - 1; i >= 0; i-- {
		if prefix[i].Value <= spare {
			spare -= prefix[i].Value
		} else {
			chosen = append(chosen, prefix[i])
		}
	}
	return chosen
}

// reach returns the shortest prefix whose sum is target or more, with its sum;
// nil if there is none.
func reach(coins []Coin, target sats.Amount) (prefix []Coin, total sats.Amount) {
	for i, c := range coins {
		if total += c.Value; total >= target {
			return coins[:i+1], total
		}
	}
	return nil, total
}
