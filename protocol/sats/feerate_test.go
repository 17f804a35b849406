package sats

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

func TestFeeRateVectors(t *testing.T) {
	for _, c := range vectors.Kind[amountCase](t, "amounts.json", "fee_rate", 10) {
		whole, _, _ := strings.Cut(c.SatPerKvB.String(), ".") // the reference cuts it too
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := FeeRate(n).String(); got != c.Text {
			t.Errorf("%s sat/kvB is shown as %s, want %s", c.SatPerKvB, got, c.Text)
		}
	}
}

func TestParseFeeRate(t *testing.T) {
	for text, want := range map[string]FeeRate{
		"2500": 2500, "0": 0, "2.5 sat/vB": 2500, "2.5sat/vb": 2500, " 1 SAT/VB\n": 1000, "0.001 sat/vB": 1,
		"1.05 sat/vB": 1050, "12345 sat/kvB": 12345, "350000sat/kvb": 350_000, "999999999999.999 sat/vB": 999_999_999_999_999,
	} {
		if got, err := ParseFeeRate(text); got != want || err != nil {
			t.Errorf("ParseFeeRate(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "2.5", "2.5 sat/kvB", "-1", "+1", "1e3", "1,5 sat/vB", ".5 sat/vB", "1. sat/vB",
		"0.0001 sat/vB", "1  sat/vB", "1 sat", "1 btc/kvB", "sat/vB", "1000000000000", "٣ sat/vB", "1999 sat/kvB (1.9 sat/vB)"} {
		if got, err := ParseFeeRate(bad); !errors.Is(err, ErrFeeRate) {
			t.Errorf("ParseFeeRate(%q) = %d, %v", bad, got, err)
		}
	}
	if got := FeeRate(math.MinInt64).String(); got != "-9223372036854775808 sat/kvB (-9223372036854775.8 sat/vB)" {
		t.Error(got)
	}
}

func FuzzParseFeeRate(f *testing.F) {
	f.Add("2.5 sat/vB")
	f.Add("2500")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseFeeRate(text)
		if err != nil {
			return
		}
		written := fmt.Sprintf("%d.%03d sat/vB", r/1000, r%1000)
		if back, err := ParseFeeRate(written); back != r || err != nil || r > FeeRate(Max) {
			t.Fatalf("ParseFeeRate(%q) = %d, written %s, read back %d, %v", text, r, written, back, err)
		}
	})
}
