package sats

import (
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

// The amounts of the reference implementation's known answers.
func TestParseVectors(t *testing.T) {
	for _, c := range vectors.Kind[amountCase](t, "amounts.json", "amount", 86) {
		got, err := Parse(c.Text)
		if (err == nil) != c.Valid {
			t.Errorf("Parse(%q): %v, want valid=%v", c.Text, err, c.Valid)
			continue
		}
		if !c.Valid {
			if !errors.Is(err, ErrText) && !errors.Is(err, ErrRange) {
				t.Errorf("Parse(%q): %v has no code", c.Text, err)
			}
			continue
		}
		if got != c.Sat || got.Long() != c.Shown {
			t.Errorf("Parse(%q) = %s, want %s", c.Text, got.Long(), c.Shown)
		}
	}
}

func TestParseBTC(t *testing.T) {
	for text, want := range map[string]Amount{
		"0": 0, "0.00000000": 0, "1": PerBTC, "0.00012300": 12300, "1e-8": 1, "1.5E-06": 150,
		"20999999.99999999": Max - 1, "21000000": Max, "12.5e-1": 125_000_000, "0.100000000000": 10_000_000,
	} {
		if got, err := ParseBTC(text); got != want || err != nil {
			t.Errorf("ParseBTC(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "-1", "+1", "1e3", "1e-9", "0.000000001", ".5", "1.", "21000000.00000001",
		"999999999999", "1e-99", "NaN", "0x1", "1 ", "1e", "1,0"} {
		if got, err := ParseBTC(bad); err == nil {
			t.Errorf("ParseBTC(%q) = %d, want an error", bad, got)
		}
	}
}

func FuzzParseBTC(f *testing.F) {
	f.Add("1.5E-06")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseBTC(text)
		if err != nil {
			return
		}
		if back, err := ParseBTC(a.BTC()); back != a || err != nil || !a.Valid() {
			t.Fatalf("ParseBTC(%q) = %d, written %s, read back %d, %v", text, a, a.BTC(), back, err)
		}
	})
}
