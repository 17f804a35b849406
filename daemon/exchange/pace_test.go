package exchange

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, c := range []struct {
		answers []time.Duration
		most    time.Duration
		want    time.Duration
	}{
		{nil, time.Minute, time.Minute},
		{[]time.Duration{0}, time.Minute, PaceLeast},
		{[]time.Duration{time.Second, 2 * time.Second}, 2 * time.Minute, PaceLeast},
		{[]time.Duration{12 * time.Second, time.Second}, 2 * time.Minute, 48 * time.Second},
		{[]time.Duration{100 * time.Second}, 2 * time.Minute, 2 * time.Minute}, // Tor at its slowest
		{[]time.Duration{1 << 62}, time.Minute, time.Minute},
		{[]time.Duration{time.Second}, 10 * time.Second, 10 * time.Second}, // never more than was asked for
	} {
		var p Pace
		for _, after := range c.answers {
			p.Heard(after)
		}
		if got := p.Limit(c.most); got != c.want {
			t.Errorf("after %v of at most %v: %v, want %v", c.answers, c.most, got, c.want)
		}
	}
}
