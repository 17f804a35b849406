package schedule

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

var networks = map[string]*chaincfg.Params{"mainnet": &chaincfg.MainNetParams,
	"testnet": &chaincfg.TestNet3Params, "regtest": &chaincfg.RegressionNetParams}

// known is an entry as the corpus has it; the reference has real numbers where
// we have fractions and durations.
type known struct {
	Mixdepth         int
	Amount           json.Number
	AmountIsFraction bool `json:"amount_is_fraction"`
	Makers           int
	Destination      string
	Wait             json.Number
	Rounding         int
	Completed        any
}

func (k known) equal(t *testing.T, e Entry) bool {
	t.Helper()
	amount, err := k.Amount.Float64()
	if err != nil {
		t.Fatal(err)
	}
	if k.AmountIsFraction {
		r, err := decimal.Parse(e.Amount.Fraction)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := r.Float64(); got != amount {
			return false
		}
	} else if e.Amount != (Amount{Sats: sats.Amount(amount)}) {
		return false
	}
	wait, err := k.Wait.Float64()
	if err != nil {
		t.Fatal(err)
	}
	completed := e.TxID
	switch k.Completed {
	case 0.0, 1.0:
		completed = ""
	default:
		if k.Completed != completed {
			return false
		}
	}
	return e.Mixdepth == k.Mixdepth && e.Makers == k.Makers && e.Destination == k.Destination && e.Rounding == k.Rounding &&
		math.Abs(wait-e.Wait.Minutes()) < 1e-5 && e.TxID == completed && e.Done == (k.Completed == 1.0)
}

func TestVectorsParse(t *testing.T) {
	type vector struct {
		Network, Text, Bytes, Should, Reason, Note string
		Valid                                      bool
		Entries                                    json.RawMessage // of an invalid one some fit no type
	}
	for i, v := range vectors.Kind[vector](t, "schedule.json", "parse", 56) {
		text := []byte(v.Text)
		if v.Bytes != "" {
			var err error
			if text, err = hex.DecodeString(v.Bytes); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := Parse(text, networks[v.Network])
		if err != nil && !errors.Is(err, ErrText) {
			t.Errorf("%d: error without its name: %v", i, err)
		}
		switch {
		case err != nil && v.Valid && v.Should != "either":
			t.Errorf("%d: %q (%s) is refused: %v", i, text, v.Note, err)
		case err == nil && !v.Valid:
			t.Errorf("%d: %q (%s) is accepted", i, text, v.Reason)
		case err == nil:
			var want []known
			if err := json.Unmarshal(v.Entries, &want); err != nil {
				t.Fatal(err)
			}
			if len(want) != len(entries) {
				t.Fatalf("%d: %d entries, want %d", i, len(entries), len(want))
			}
			for j := range want {
				if !want[j].equal(t, entries[j]) {
					t.Errorf("%d: entry %d is %+v, want %+v", i, j, entries[j], want[j])
				}
			}
		}
	}
}

// TestVectorsWrite takes the reference's writing apart and puts it together
// again. What it writes with an exponent we write without.
func TestVectorsWrite(t *testing.T) {
	refused := 0
	for _, v := range vectors.Kind[struct{ Text string }](t, "schedule.json", "write", 7) {
		entries, err := Parse([]byte(v.Text), &chaincfg.MainNetParams)
		if err != nil { // 5e-05, 1e+16 and 2.0 are no amounts
			refused++
			continue
		}
		got := Format(entries)
		if strings.Contains(v.Text, "e-") { // 0.0000001 minutes
			v.Text = strings.Replace(v.Text, "1e-07", "0.0", 1)
		}
		if got != v.Text {
			t.Errorf("written %q, want %q", got, v.Text)
		}
	}
	if refused != 2 {
		t.Errorf("%d texts of the reference's own writing are refused, want 2", refused)
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct {
		amount  sats.Amount
		figures int
		want    sats.Amount
	}{
		{12498733, 2, 12_000_000}, {123456, 3, 123_000}, {98765432, 1, 100_000_000}, // of the specification
		{0, 3, 0}, {7, 3, 7}, {15, 1, 20}, {25, 1, 20}, {35, 1, 40}, {251, 1, 300}, {123456, NoRounding, 123456},
		{123456, 0, 0}, {sats.Max, 1, 20 * 100_000_000_000_000}, {sats.Max, 2, sats.Max},
	} {
		if got := Round(c.amount, c.figures); got != c.want {
			t.Errorf("Round(%d, %d) = %d, want %d", c.amount, c.figures, got, c.want)
		}
	}
}

func TestAmountOf(t *testing.T) {
	for _, c := range []struct {
		amount  Amount
		balance sats.Amount
		figures int
		want    sats.Amount
		err     error
	}{
		{Amount{}, 1000, NoRounding, 0, ErrNoAmount},
		{Amount{Sats: 5}, 1000, 1, 5, nil}, // neither rounded nor raised
		{Amount{Fraction: "0.5"}, 1_000_001, NoRounding, 500_000, nil},
		{Amount{Fraction: "0.3125"}, 40_000_000, 2, 12_000_000, nil},
		{Amount{Fraction: "0.0"}, 40_000_000, 2, MinFraction, nil},
		{Amount{Fraction: "0.001"}, 40_000_000, 2, MinFraction, nil},
		{Amount{Fraction: "x"}, 1, 1, 0, decimal.ErrText},
		{Amount{Fraction: "1.0"}, -1, 1, 0, sats.ErrRange},
	} {
		got, err := c.amount.Of(c.balance, c.figures, MinFraction)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v of %d: %d, %v; want %d, %v", c.amount, c.balance, got, err, c.want, c.err)
		}
	}
}

func TestParseBounds(t *testing.T) {
	const line = "0,0,3,INTERNAL,0,16,0\n"
	for text, ok := range map[string]bool{
		strings.Repeat(line, MaxEntries):                  true,
		strings.Repeat(line, MaxEntries+1):                false,
		strings.Repeat("#\n", MaxBytes/2):                 true,
		strings.Repeat("#\n", MaxBytes/2) + "#":           false,
		"0,0.1e99,3,INTERNAL,0,16,0":                      false,
		"0,0.1e-99,3,INTERNAL,1e99,16,0":                  false,
		"0,0.1e999999999,3,INTERNAL,0,16,0":               false,
		"0,0,3,INTERNAL,527040,16,0":                      true, // 366 days
		"0,0,3,INTERNAL,527040.001,16,0":                  false,
		"0,0,65,INTERNAL,0,16,0":                          false,
		"0,0,3,INTERNAL,0,17,0":                           false,
		"+0,0,3,INTERNAL,0,16,0":                          false,
		"99999999999999999999,0,3,INTERNAL,0,16,0":        false,
		"0,0,3,INTERNAL,0,16," + strings.Repeat("ab", 32): true,
	} {
		if _, err := Parse([]byte(text), &chaincfg.MainNetParams); (err == nil) != ok {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

// FuzzParse checks that what is read is written so that it is read as the same.
func FuzzParse(f *testing.F) {
	for _, v := range vectors.Kind[struct{ Text string }](f, "schedule.json", "parse", 56) {
		f.Add([]byte(v.Text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := Parse(text, &chaincfg.MainNetParams)
		if err != nil {
			return
		}
		again, err := Parse([]byte(Format(entries)), &chaincfg.MainNetParams)
		if err != nil || !reflect.DeepEqual(again, entries) {
			t.Fatalf("%+v is written as %q, which is read as %+v, %v", entries, Format(entries), again, err)
		}
		for _, e := range entries {
			amount, err := e.Amount.Of(sats.Max, e.Rounding, MinFraction)
			if e.Amount.Sweep() != errors.Is(err, ErrNoAmount) || !e.Amount.Sweep() && (err != nil || amount < 0 || amount > 2*sats.Max) {
				t.Fatalf("%+v of everything: %d, %v", e.Amount, amount, err)
			}
			if e.Wait < 0 || e.Wait > MaxWait || e.Wait%time.Millisecond != 0 {
				t.Fatalf("wait %v", e.Wait)
			}
		}
	})
}
