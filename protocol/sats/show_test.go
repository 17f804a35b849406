package sats

import (
	"errors"
	"math"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

func TestShowVectors(t *testing.T) {
	for _, c := range vectors.Kind[amountCase](t, "amounts.json", "show", 15) {
		// What the reference does not show as an amount is none; a difference
		// may be anything.
		if c.Sat.Valid() != c.Valid || c.Valid && c.Sat.BTC() != c.Text {
			t.Errorf("%d is shown as %s (valid: %t), want %s (%t)", c.Sat, c.Sat.BTC(), c.Sat.Valid(), c.Text, c.Valid)
		}
		if got := c.Sat.SignedBTC(); got != c.Signed {
			t.Errorf("SignedBTC(%d) = %s, want %s", c.Sat, got, c.Signed)
		}
	}
}

func TestUnitVectors(t *testing.T) {
	for _, c := range vectors.Kind[amountCase](t, "amounts.json", "unit", 9) {
		got, err := c.Sat.In(c.Unit)
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, ErrUnit) || got != c.Value {
			t.Errorf("In(%q) = %q, %v, want %q (valid: %t)", c.Unit, got, err, c.Value, c.Valid)
		}
	}
}

func TestIn(t *testing.T) {
	for _, c := range []struct {
		a          Amount
		unit, want string
	}{
		{0, "BTC", "0"}, {0, "sat", "0"}, {1, "BTC", "0.00000001"}, {1, "bit", "0.01"}, {100, "bit", "1"},
		{1000, "bit", "10"}, {PerBTC, "BTC", "1"}, {PerBTC, "sat", "100000000"}, {-150_000, "mBTC", "-1.5"},
		{-1, "μBTC", "-0.01"}, {Max, "BTC", "21000000"}, {math.MinInt64, "satoshi", "-9223372036854775808"},
	} {
		if got, err := c.a.In(c.unit); got != c.want || err != nil {
			t.Errorf("%d in %s = %q, %v, want %q", c.a, c.unit, got, err, c.want)
		}
	}
}
