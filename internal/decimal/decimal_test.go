package decimal

import (
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

func TestFloorAndRound(t *testing.T) {
	for _, c := range []struct {
		text        string
		a           sats.Amount
		floor, half sats.Amount
	}{
		{"0", 5, 0, 0}, {"1", sats.Max, sats.Max, sats.Max}, {"0.5", 1, 0, 0}, {"0.5", 3, 1, 2}, {"0.5", 5, 2, 2},
		{"0.00002", 125_000, 2, 2}, {"0.00002", 175_000, 3, 4}, {"0.00002", 124_999, 2, 2}, {"1.2", 10_001, 12_001, 12_001},
	} {
		r, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Floor(r, c.a); got != c.floor || err != nil {
			t.Errorf("Floor(%s, %d) = %d, %v, want %d", c.text, c.a, got, err, c.floor)
		}
		if got, err := Round(r.Mul(r, Of(c.a))); got != c.half || err != nil {
			t.Errorf("Round(%s * %d) = %d, %v, want %d", c.text, c.a, got, err, c.half)
		}
	}
	r, _ := Parse("1.1")
	if _, err := Floor(r, sats.Max); !errors.Is(err, sats.ErrRange) {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{"", ".5", "5.", "-1", "+1", "1e5", "0x1", "1/2", " 1", "1 ", "01", "0,5", "NaN", "Inf", "1_0",
		"12345678901234567", "0.12345678901234567890123456789"} {
		if r, err := Parse(bad); !errors.Is(err, ErrText) {
			t.Errorf("Parse(%q) = %v, %v", bad, r, err)
		}
	}
}
