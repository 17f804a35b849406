package exchange

import (
	"testing"
	"time"
)

// TestT11Pace: a maker that needs 100 s, as over Tor, gets its time in a market
// of such makers, and in a fast market the silent are given up soon.
func TestT11Pace(t *testing.T) {
	const sec = time.Second
	most, rest := DefaultLimits[LimitStage], DefaultLimits[LimitFill]
	for _, c := range []struct {
		name    string
		answers []time.Duration // so far, from when all were asked
		most    time.Duration
		keyed   time.Duration // waited for pubkey
		later   time.Duration // waited for ioauth and sig
	}{
		{"nobody answered", nil, most, 120 * sec, 120 * sec},
		{"at once", []time.Duration{0}, most, 30 * sec, 30 * sec},
		{"before the last was asked", []time.Duration{-5 * sec}, most, 30 * sec, 30 * sec},
		{"all fast", []time.Duration{sec, 2 * sec}, most, 30 * sec, 30 * sec},
		{"one not so fast", []time.Duration{sec, 12 * sec}, most, 41 * sec, 48 * sec},
		{"Tor", []time.Duration{35 * sec, 70 * sec}, most, 75 * sec, 120 * sec},
		{"Tor at its slowest", []time.Duration{100 * sec}, most, 120 * sec, 120 * sec},
		{"never more than was asked for", []time.Duration{sec}, 10 * sec, 10 * sec, 10 * sec},
		{"nor then", []time.Duration{50 * sec}, 60 * sec, 60 * sec, 60 * sec},
		{"absurd", []time.Duration{1 << 61}, most, 120 * sec, 120 * sec},
	} {
		var p Pace
		asked := time.Unix(1e9, 0)
		for _, after := range c.answers {
			p.Heard(asked, asked.Add(after))
		}
		if got := p.UntilKeyed(asked, c.most, rest).Sub(asked); got != c.keyed {
			t.Errorf("%s: pubkey after %v, want %v", c.name, got, c.keyed)
		}
		if got := p.Until(asked, c.most).Sub(asked); got != c.later {
			t.Errorf("%s: others after %v, want %v", c.name, got, c.later)
		}
	}

	// Who is asked in the place of a silent one has time to answer.
	var p Pace
	asked := time.Unix(1e9, 0)
	p.Heard(asked, asked.Add(sec))
	late := asked.Add(time.Minute)
	if got := p.UntilKeyed(late, most, rest).Sub(late); got != LateFill {
		t.Errorf("asked late: %v", got)
	}
	if rest+LateFill > DefaultLimits[LimitAuth] {
		t.Error("makers that answer first give up before the last have had their time")
	}
}
