package random

import (
	"math"
	"testing"
)

// chiSquare returns the statistic of counts against a uniform law.
func chiSquare(counts []int) float64 {
	total := 0
	for _, c := range counts {
		total += c
	}
	want := float64(total) / float64(len(counts))
	sum := 0.0
	for _, c := range counts {
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	return sum
}

// uniform fails when the statistic is beyond seven standard deviations, which
// a fair source does not reach in the life of this test.
func uniform(t *testing.T, name string, counts []int) {
	t.Helper()
	k := float64(len(counts) - 1)
	if got := chiSquare(counts); got > k+7*math.Sqrt(2*k)+20 {
		t.Errorf("%s: chi square %.1f with %v degrees of freedom", name, got, k)
	}
}

func TestD12Uniform(t *testing.T) {
	const draws = 60_000
	for _, n := range []int{1, 2, 3, 7, 100} {
		counts := make([]int, n)
		for range draws {
			counts[N(n)]++
		}
		if n > 1 {
			uniform(t, "N", counts)
		}
	}
	counts := make([]int, 10)
	for range draws {
		f := Float64()
		if f < 0 || f >= 1 {
			t.Fatalf("Float64 = %v", f)
		}
		counts[int(f*10)]++
	}
	uniform(t, "Float64", counts)
}

func TestD12ShuffleReachesEveryOrder(t *testing.T) {
	index := map[[4]int]int{}
	counts := make([]int, 24)
	for range 48_000 {
		s := []int{0, 1, 2, 3}
		Shuffle(s)
		order := [4]int(s)
		if _, seen := index[order]; !seen {
			index[order] = len(index)
		}
		counts[index[order]]++
	}
	if len(index) != 24 {
		t.Fatalf("%d orders of 24", len(index))
	}
	uniform(t, "Shuffle", counts)
}

func TestEmptyRangePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("N(0) returned")
		}
	}()
	N(0)
}
