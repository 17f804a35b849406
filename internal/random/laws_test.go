package random

import (
	"math"
	"testing"
)

// moments returns mean and standard deviation of so many draws.
func moments(draws int, draw func() float64) (mean, deviation float64) {
	var sum, squares float64
	for range draws {
		x := draw()
		sum += x
		squares += x * x
	}
	mean = sum / float64(draws)
	return mean, math.Sqrt(squares/float64(draws) - mean*mean)
}

func TestD12Laws(t *testing.T) {
	const draws = 200_000
	for _, c := range []struct {
		name            string
		draw            func() float64
		mean, deviation float64
	}{
		{"Exp", func() float64 { return Exp(60) }, 60, 60},
		{"Normal", func() float64 { return Normal(9, 2) }, 9, 2},
	} {
		mean, deviation := moments(draws, c.draw)
		// Seven standard errors.
		if slack := 7 * c.deviation / math.Sqrt(draws); math.Abs(mean-c.mean) > slack || math.Abs(deviation-c.deviation) > 3*slack {
			t.Errorf("%s: mean %v, deviation %v; want %v, %v", c.name, mean, deviation, c.mean, c.deviation)
		}
	}
	below := 0
	for range draws {
		if Normal(0, 1) < 1 {
			below++
		}
	}
	if share := float64(below) / draws; math.Abs(share-0.841345) > 0.006 {
		t.Errorf("%v of the normal draws are below one deviation", share)
	}
	weights := []float64{55, 0, 25, 20, 0}
	counts := make([]int, len(weights))
	for range draws {
		counts[Pick(weights)]++
	}
	for i, w := range weights {
		if share := float64(counts[i]) / draws; math.Abs(share-w/100) > 0.008 || w == 0 && counts[i] > 0 {
			t.Errorf("index %d has the share %v, want %v", i, share, w/100)
		}
	}
}

func TestPickWithoutWeightsPanics(t *testing.T) {
	for _, weights := range [][]float64{nil, {0, 0}, {math.Inf(1)}, {math.NaN()}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Pick(%v) returned", weights)
				}
			}()
			Pick(weights)
		}()
	}
}
