package taker

import (
	"fmt"
	"math"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/random"
)

// Chooser is a law by which makers are drawn: it gives each of the candidates,
// which are sorted by fee and of distinct nicks, its weight for the next draw,
// 0 or more and not all 0. wanted is how many makers are asked for in all.
type Chooser func(candidates []Candidate, wanted int) (weights []float64)

// RandomUnderMax gives all candidates the same chance.
func RandomUnderMax(candidates []Candidate, _ int) []float64 {
	return slices.Repeat([]float64{1}, len(candidates))
}

// Cheapest takes the candidate with the lowest fee. Whoever offers the lowest
// fees then learns of every attempt (attack T15).
func Cheapest(candidates []Candidate, _ int) []float64 {
	weights := make([]float64, len(candidates))
	weights[0] = 1
	return weights
}

// Weighted prefers low fees: the chance falls exponentially with the fee, by
// the factor e over the distance between the lowest fee and that of the 3n-th
// next candidate, n being the number wanted (spec: choosers).
func Weighted(candidates []Candidate, wanted int) []float64 {
	far := len(candidates) - 1
	if len(candidates) > 3*wanted {
		far = 3 * wanted
	}
	lowest := candidates[0].Fee
	phi := float64(candidates[far].Fee - lowest)
	weights := RandomUnderMax(candidates, wanted)
	for i, c := range candidates {
		if phi > 0 {
			weights[i] = math.Exp(-float64(c.Fee-lowest) / phi)
		}
	}
	return weights
}

// BondWeighted draws makers by the value of their fidelity bonds. With the
// probability bondless, 0 to 1, a draw does not look at bonds; nor does it when
// nobody has one (spec: choosers).
func BondWeighted(bondless float64) Chooser {
	return func(candidates []Candidate, _ int) []float64 {
		total := 0.0
		for _, c := range candidates {
			total += c.Bond
		}
		weights := make([]float64, len(candidates))
		for i, c := range candidates {
			weights[i] = bondShare(bondless, c.Bond, total, len(candidates))
		}
		return weights
	}
}

// bondShare is the chance that the next draw is one of count candidates, whose
// bonds weigh total.
func bondShare(bondless, bond, total float64, count int) float64 {
	if total <= 0 {
		return 1 / float64(count)
	}
	return bondless/float64(count) + (1-bondless)*bond/total
}

// draw returns the index of a candidate, by the chooser's law or by hand.
func (t *Taker) draw(candidates []Candidate, wanted, missing int) (int, error) {
	if t.cfg.Pick != nil {
		i, err := t.cfg.Pick(candidates, missing)
		if err == nil && (i < 0 || i >= len(candidates)) {
			err = fmt.Errorf("maker %d of %d was picked", i, len(candidates))
		}
		return i, err
	}
	return random.Pick(t.cfg.Chooser(candidates, wanted)), nil
}

// pick moves n candidates, chosen by the chooser for wanted in all, from the
// list to chosen. ok is false when the list is too short.
func (t *Taker) pick(list []Candidate, n, wanted int) (chosen, rest []Candidate, ok bool, err error) {
	if n > len(list) {
		return nil, list, false, nil
	}
	rest = slices.Clone(list)
	for ; n > 0; n-- {
		i, err := t.draw(rest, wanted, n)
		if err != nil {
			return nil, list, false, err
		}
		chosen = append(chosen, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	return chosen, rest, true, nil
}
