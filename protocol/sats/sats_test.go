package sats

import (
	"errors"
	"math"
	"testing"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		a        Amount
		sat, btc string
	}{
		{0, "0 sat", "0.00000000"},
		{1, "1 sat", "0.00000001"},
		{999, "999 sat", "0.00000999"},
		{1234567, "1 234 567 sat", "0.01234567"},
		{-27300, "-27 300 sat", "-0.00027300"},
		{Max, "2 100 000 000 000 000 sat", "21000000.00000000"},
		{math.MinInt64, "-9 223 372 036 854 775 808 sat", "-92233720368.54775808"},
	} {
		if got := c.a.String(); got != c.sat {
			t.Errorf("String(%d) = %q, want %q", int64(c.a), got, c.sat)
		}
		if got := c.a.BTC(); got != c.btc {
			t.Errorf("BTC(%d) = %q, want %q", int64(c.a), got, c.btc)
		}
	}
}

func TestSum(t *testing.T) {
	if got, err := Sum(1, 2, Max-3); got != Max || err != nil {
		t.Errorf("Sum = %d, %v", got, err)
	}
	for _, bad := range [][]Amount{{-1}, {Max, 1}, {Max + 1}, {math.MaxInt64, math.MaxInt64}, {5, -5}} {
		if _, err := Sum(bad...); !errors.Is(err, ErrRange) {
			t.Errorf("Sum(%v): %v, want ErrRange", bad, err)
		}
	}
}
