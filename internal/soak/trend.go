package main

import "math"

// series is a number over time. Where there was nothing to see it is not a
// number.
type series struct {
	name, unit string
	// floor is how much of a rise over half of the time is nothing, in the unit;
	// below zero, no rise matters.
	floor float64
	v     []float64
}

// trend is the straight line that fits best (least squares).
type trend struct {
	mean  float64
	rise  float64 // of the line, from the first to the last time
	doubt float64 // standard error of the rise
}

// share of the mean that may be gained over half of the time.
const share = 0.05

// grows reports whether the line of the second half rises by more than the floor
// and a twentieth of the mean, and by more than chance does.
func (s series) grows(at []float64) bool {
	t := s.second(at)
	return s.floor >= 0 && t.rise > max(s.floor, share*t.mean) && t.rise > 3*t.doubt
}

// second is the trend of the second half: the first has the warming up.
func (s series) second(at []float64) trend {
	from := len(at) / 2
	return fit(at[from:], s.v[from:])
}

// fit leaves out what is not a number.
func fit(x, y []float64) (t trend) {
	var n, sx, sy float64
	for i := range x {
		if !math.IsNaN(y[i]) {
			n, sx, sy = n+1, sx+x[i], sy+y[i]
		}
	}
	if n < 3 {
		return trend{}
	}
	var xx, xy float64
	for i := range x {
		if !math.IsNaN(y[i]) {
			xx += (x[i] - sx/n) * (x[i] - sx/n)
			xy += (x[i] - sx/n) * (y[i] - sy/n)
		}
	}
	if xx == 0 {
		return trend{mean: sy / n}
	}
	slope := xy / xx
	rest := 0.0
	for i := range x {
		if !math.IsNaN(y[i]) {
			d := y[i] - sy/n - slope*(x[i]-sx/n)
			rest += d * d
		}
	}
	span := x[len(x)-1] - x[0]
	return trend{mean: sy / n, rise: slope * span, doubt: span * math.Sqrt(rest/(n-2)/xx)}
}

// bounds are the least and the greatest number, 0 if there are none.
func (s series) bounds() (least, most float64) {
	least, most = math.Inf(1), math.Inf(-1)
	for _, y := range s.v {
		if !math.IsNaN(y) {
			least, most = min(least, y), max(most, y)
		}
	}
	if least > most {
		return 0, 0
	}
	return least, most
}

// columns draws the series together to n means, for a plot of n columns.
func (s series) columns(n int) []float64 {
	n = min(n, len(s.v))
	out := make([]float64, n)
	for c := range out {
		sum, count := 0.0, 0.0
		for _, y := range s.v[c*len(s.v)/n : (c+1)*len(s.v)/n] {
			if !math.IsNaN(y) {
				sum, count = sum+y, count+1
			}
		}
		out[c] = sum / count // not a number for none
	}
	return out
}
