package sats

import (
	"encoding/json"
	"os"
	"testing"
)

// amountCase is a case of the reference implementation's known answers. Rates
// may have decimals there.
type amountCase struct {
	Kind      string
	Valid     bool
	Text      string
	Sat       Amount
	Shown     string
	Signed    string
	SatPerKvB json.Number `json:"sat_per_kvb"`
	Unit      string
	Value     string
}

// amountCases returns the cases of a kind, of which there are want.
func amountCases(t testing.TB, kind string, want int) (cases []amountCase) {
	t.Helper()
	data, err := os.ReadFile("testdata/amounts.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []amountCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		if c.Kind == kind {
			cases = append(cases, c)
		}
	}
	if len(cases) != want {
		t.Fatalf("%d cases of kind %s, want %d", len(cases), kind, want)
	}
	return cases
}
