package taker

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// TestOddsAsDrawn: the odds of each maker are how often the taker draws it.
func TestOddsAsDrawn(t *testing.T) {
	const wanted, draws = 3, 40_000
	for name, c := range map[string]struct {
		bonds    []float64
		bondless float64
	}{
		"nobody has a bond": {[]float64{0, 0, 0, 0, 0, 0}, 0.125},
		"some have one":     {[]float64{100, 30, 30, 5, 0, 0, 0, 0}, 0.125},
		"one is a giant":    {[]float64{1e6, 3, 2, 1, 0, 0}, 0.125},
		"bonds alone count": {[]float64{9, 4, 4, 1, 1}, 0},
		"too few bonds":     {[]float64{9, 4, 0, 0, 0}, 0},
		"never looked at":   {[]float64{9, 4, 2, 0, 0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			taker := &Taker{cfg: Config{Chooser: BondWeighted(c.bondless)}}
			list := make([]Candidate, len(c.bonds))
			for i, b := range c.bonds {
				list[i] = Candidate{Nick: protocol.Nick(fmt.Sprint(i)), Bond: b}
			}
			seen := map[protocol.Nick]int{}
			for range draws {
				chosen, _, _, err := taker.pick(list, wanted, wanted)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range chosen {
					seen[m.Nick]++
				}
			}
			total := 0.0
			for i, m := range list {
				others := slices.Delete(slices.Clone(c.bonds), i, i+1)
				chance := NewOdds(others, wanted, c.bondless).Chance(m.Bond)
				total += chance
				// Five standard errors of the draws, and as much for the paths.
				found := float64(seen[m.Nick]) / draws
				if slack := 5*math.Sqrt(0.25/draws) + 0.02; math.Abs(found-chance) > slack {
					t.Errorf("maker %d: chance %.4f, but drawn %.4f", i, chance, found)
				}
			}
			if math.Abs(total-wanted) > 0.1 {
				t.Errorf("the chances add up to %v, want %d", total, wanted)
			}
		})
	}
}

func TestOddsNeeded(t *testing.T) {
	o := NewOdds([]float64{100, 30, 30, 5, 0, 0, 0, 0, 0, 0}, 4, 0.125)
	last := -1.0
	for _, chance := range []float64{0.1, 0.5, 0.75, 0.9, 0.99} {
		bond, ok := o.Needed(chance)
		if !ok || bond < last || o.Chance(bond) < chance {
			t.Errorf("%v: a bond of %v, %v, gives %v", chance, bond, ok, o.Chance(bond))
		}
		if bond > 0 && o.Chance(bond/1.01) >= chance {
			t.Errorf("%v: less than a bond of %v does", chance, bond)
		}
		last = bond
	}
	if bond, ok := o.Needed(1); ok {
		t.Errorf("certain with a bond of %v", bond)
	}
	if bond, ok := NewOdds(nil, 4, 0.125).Needed(1); !ok || bond != 0 {
		t.Errorf("alone: %v, %v", bond, ok)
	}
	if share := Share(25, []float64{75, 0}, 0.25); math.Abs(share-(0.25/3+0.75/4)) > 1e-12 {
		t.Errorf("the share is %v", share)
	}
}
