package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func readRivals(t *testing.T, text string, own bookCoin) ([]float64, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "book.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return readBook(path, own)
}

// The same market, as jm and as the order book page of the reference write it.
const (
	ourBook = `{"offers": [
		{"nick": "J5a", "type": "sw0reloffer", "oid": 0, "cjfee": "0.00002"}, {"nick": "J5a", "type": "sw0absoffer", "oid": 1, "cjfee": "500"},
		{"nick": "J5b", "type": "sw0reloffer"}, {"nick": "J5c", "type": "sw0reloffer"}, {"nick": "J5d", "type": "sw0reloffer"},
		{"nick": "J5e", "type": "swreloffer"}],
		"bonds": [], "makercount": 9, "makers": [],
		"fidelitybonds": [
			{"counterparty": "J5a", "utxo": {"txid": "aa", "vout": 0}, "bond_value": 30},
			{"counterparty": "J5b", "utxo": {"txid": "bb", "vout": 0}, "bond_value": 10},
			{"counterparty": "J5c", "utxo": {"txid": "aa", "vout": 0}, "bond_value": 30}]}`
	theirBook = `{"offers": [
		{"counterparty": "J5a", "ordertype": "sw0reloffer", "oid": 0, "cjfee": "0.00002", "fidelity_bond_value": 30.0},
		{"counterparty": "J5a", "ordertype": "sw0absoffer", "oid": 1, "cjfee": 500, "fidelity_bond_value": 30.0},
		{"counterparty": "J5b", "ordertype": "sw0reloffer"}, {"counterparty": "J5c", "ordertype": "sw0reloffer"},
		{"counterparty": "J5d", "ordertype": "sw0reloffer"}, {"counterparty": "J5e", "ordertype": "swreloffer"}],
		"fidelitybonds": [
			{"counterparty": "J5a", "utxo": {"txid": "aa", "vout": 0}, "bond_value": 30.0, "locktime": 1893456000, "amount": 500000000},
			{"counterparty": "J5b", "utxo": {"txid": "bb", "vout": 0}, "bond_value": 10.0},
			{"counterparty": "J5c", "utxo": {"txid": "aa", "vout": 0}, "bond_value": 30.0},
			{"counterparty": "J5d", "utxo": {"txid": "dd", "vout": 0}, "bond_value": null}]}`
)

func TestOrderBookFiles(t *testing.T) {
	for name, text := range map[string]string{"ours": ourBook, "the reference's": theirBook} {
		got, err := readRivals(t, text, bookCoin{})
		slices.Sort(got)
		if want := []float64{0, 10, 30}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: the makers have the bonds %v, %v; want %v", name, got, err, want)
		}
		got, err = readRivals(t, text, bookCoin{"bb", 0})
		slices.Sort(got)
		if want := []float64{0, 30}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: beside our own bond the others have %v, %v; want %v", name, got, err, want)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "no JSON": "maker oid type", "another document": `[{"month": "2030-01"}]`, "no offers": `{"offers": []}`,
		"an infinite bond": strings.Replace(ourBook, ": 30}", ": 1e999}", 1),
		"unverified":       strings.Replace(ourBook, `"makercount"`, `"bonds_unverified": "no node", "makercount"`, 1),
	} {
		if got, err := readRivals(t, text, bookCoin{}); exitCode(err) != exitUsage {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := readBook(filepath.Join(t.TempDir(), "none"), bookCoin{}); exitCode(err) != exitUsage {
		t.Error(err)
	}
}

// TestBondPlace: ranks, and percentiles with linear interpolation between the
// values (spec: bond-calculator).
func TestBondPlace(t *testing.T) {
	r := newRivals([]float64{0, 400, 100, 0, 300, 200}, 2, 0.125)
	for _, c := range []struct {
		value     float64
		rank, top int
	}{
		// The i-th percentile of these is 100 + 3i.
		{500, 1, 1}, {400, 1, 1}, {399, 2, 1}, {250, 3, 51}, {251, 3, 50}, {101, 4, 100}, {104, 4, 99}, {100, 4, 100}, {1, 5, 100},
	} {
		p := r.place(c.value)
		if p.Rank != c.rank || p.Of != 5 || p.Top == nil || *p.Top != c.top {
			t.Errorf("%v: rank %d of %d, top %v; want %d, %d", c.value, p.Rank, p.Of, *p.Top, c.rank, c.top)
		}
		if p.Share <= 0 || p.Chance < p.Share || p.Chance > 1 {
			t.Errorf("%v: %+v", c.value, p)
		}
	}
	if p := newRivals([]float64{0, 5}, 2, 0.125).place(4); p.Rank != 2 || p.Of != 2 || p.Top != nil {
		t.Errorf("beside one bond: %+v", p)
	}
}
