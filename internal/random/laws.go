package random

import "math"

// Exp draws from the exponential distribution with this mean: the waiting times
// of a process without memory.
func Exp(mean float64) float64 { return -mean * math.Log(1-Float64()) }

// Normal draws from the normal distribution.
func Normal(mean, deviation float64) float64 {
	radius := math.Sqrt(-2 * math.Log(1-Float64()))
	return mean + deviation*radius*math.Cos(2*math.Pi*Float64())
}

// Pick draws an index with chances in proportion to the weights, none of which
// is negative. It panics unless their sum is positive and finite.
func Pick(weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		panic("random: no weights")
	}
	at := Float64() * sum
	last := 0
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		if last = i; at < w {
			break
		}
		at -= w
	}
	return last
}
