package taker

import (
	"math"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/random"
)

// Odds are the chances of one maker beside others, when takers draw by
// BondWeighted. They say nothing of amounts and fees, by which every taker
// leaves some makers out.
type Odds struct {
	bondless float64
	sure     bool // there are no more makers than are wanted
	paths    [][]drawn
}

// drawn is one of the others who was drawn, and what it was drawn from.
type drawn struct {
	bond, total float64
	count       int
}

// oddsPaths is how often the draws of others are played through; the chance of
// each maker is computed along each of them, so that few suffice.
const oddsPaths = 400

// NewOdds prepares the odds of a maker beside others with these bonds, 0 for
// none, if takers want so many makers, 1 or more. bondless is that of
// BondWeighted.
func NewOdds(others []float64, wanted int, bondless float64) *Odds {
	o := &Odds{bondless: bondless, sure: len(others) < wanted}
	for range oddsPaths {
		if o.sure {
			break
		}
		rest, path := slices.Clone(others), make([]drawn, wanted)
		shares := make([]float64, len(rest))
		for i := range path {
			path[i] = drawn{total: sum(rest), count: len(rest)}
			for j, bond := range rest {
				shares[j] = bondShare(bondless, bond, path[i].total, len(rest))
			}
			at := random.Pick(shares[:len(rest)])
			path[i].bond = rest[at]
			rest = slices.Delete(rest, at, at+1)
		}
		o.paths = append(o.paths, path)
	}
	return o
}

// Chance is that of the maker to be among those who are drawn if its bond weighs
// so much.
func (o *Odds) Chance(bond float64) float64 {
	if o.sure {
		return 1
	}
	// A path was played without the maker; with it, and without drawing it, the
	// path has another likelihood. The mean of the ratio of the two is the
	// likelihood of all paths that pass the maker by.
	missed := 0.0
	for _, path := range o.paths {
		ratio := 1.0
		for _, d := range path {
			ratio *= bondShare(o.bondless, d.bond, d.total+bond, d.count+1) / bondShare(o.bondless, d.bond, d.total, d.count)
		}
		missed += ratio
	}
	return max(0, 1-missed/float64(len(o.paths)))
}

// Needed is the bond that gives the maker a chance, up to 1. ok is false if none
// does.
func (o *Odds) Needed(chance float64) (bond float64, ok bool) {
	if o.Chance(0) >= chance {
		return 0, true
	}
	const most = 1e60 // far more than all coins, locked for ever
	if o.Chance(most) < chance {
		return 0, false
	}
	low, high := 1e-6, most
	for high/low > 1.0001 {
		if middle := math.Sqrt(low * high); o.Chance(middle) < chance {
			low = middle
		} else {
			high = middle
		}
	}
	return high, true
}

// Share is that of the maker in a single draw from it and others.
func Share(bond float64, others []float64, bondless float64) float64 {
	return bondShare(bondless, bond, sum(others)+bond, len(others)+1)
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}
