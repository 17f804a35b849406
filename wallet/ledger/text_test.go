package ledger

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

var rows = []Row{
	{Number: 1, Joined: 1, TxID: chainhash.Hash{31: 0xab}, Time: began, Kind: CJInternal, Amount: 1_000_000, Change: -10_000, Balance: 4_990_000,
		Participants: 3, Coins: 2, From: []int{0}, To: []int{1}},
	{Number: 12345, Joined: 1, Time: began, Kind: Deposit, Amount: 21_000_000 * sats.PerBTC, Change: 1, Balance: 2, Fee: 100,
		Coins: 1234, To: []int{0, 4}},
	{Number: 7, Joined: 5, Time: began, Kind: CJBatch, Participants: 12, Coins: 3, From: []int{0}, To: []int{4}},
}

// TestRowOfTheReference: the first row is that of the reference, byte for byte.
func TestRowOfTheReference(t *testing.T) {
	var text bytes.Buffer
	if err := Write(&text, rows[:1], Format{}); err != nil {
		t.Fatal(err)
	}
	want := `tx# timestamp type amount/btc balance-change/btc balance/btc coinjoin-n total-fees utxo-count mixdepth-from mixdepth-to` + "\n" +
		`"   1" "2023-07-23 08:13" "cj internal" "0.01000000" "-0.00010000" "0.04990000" " 3" "N/A       " "  2" " 0" " 1"` + "\n"
	if text.String() != want {
		t.Errorf("%swant\n%s", &text, want)
	}
}

// TestCSV: every line has the columns that the first one names.
func TestCSV(t *testing.T) {
	for _, txid := range []bool{false, true} {
		var text bytes.Buffer
		if err := Write(&text, rows, Format{CSV: true, TxID: txid, Zone: time.FixedZone("", -9*3600)}); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&text).ReadAll() // wants as many fields as in the first line
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) != 4 {
			t.Fatalf("%d lines", len(lines))
		}
		want := []string{"12345", "2023-07-22 23:13", "deposit    ", "21000000.00000000", "+0.00000001", "0.00000002",
			" #", "0.00000100", "1234", " #", " 0  4", strings.Repeat("0", 64)}
		if !txid {
			want = want[:11]
		}
		if got := strings.Join(lines[2], "|"); got != strings.Join(want, "|") {
			t.Errorf("%s", got)
		}
		if lines[3][0] != "N= 5" || txid && (lines[0][11] != "txid" || lines[1][11][:2] != "ab" || lines[3][11] != " #") {
			t.Errorf("%q", lines)
		}
	}
}

func TestWriteFails(t *testing.T) {
	r, w := io.Pipe()
	broken := errors.New("broken")
	r.CloseWithError(broken)
	if err := Write(w, rows, Format{}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestRate(t *testing.T) {
	after := func(years float64) time.Time { return began.Add(time.Duration(years * float64(year))) }
	row := func(years float64, kind Kind, change sats.Amount) Row {
		return Row{Time: after(years), Kind: kind, Change: change}
	}
	now := after(2)
	for _, c := range []struct {
		name string
		l    Ledger
		want float64
		ok   bool
	}{
		// exp(0.05 · 2 years)
		{"gain", Ledger{Rows: []Row{row(0, Deposit, 100_000_000), row(1, CJInternal, 10_517_092)}, Balance: 110_517_092, Profit: 10_517_092}, 5, true},
		{"loss", Ledger{Rows: []Row{row(0, Deposit, 100_000_000)}, Balance: 90_483_742, Profit: -9_516_258}, -5, true},
		// half of the deposit for 2 years, half for 1
		{"withdrawn halfway", Ledger{Rows: []Row{row(0, Deposit, 100_000_000), row(1, Withdraw, -50_000_000)}, Balance: 54_660_928, Profit: 1}, 3, true},
		{"no CoinJoin", Ledger{Rows: []Row{row(0, Deposit, 100)}, Balance: 100}, 0, false},
		{"out of range", Ledger{Rows: []Row{row(0, Deposit, 100)}, Balance: 1000, Profit: 900}, 0, false},
		{"empty", Ledger{Profit: 1, Balance: 1}, 0, false},
	} {
		got, ok := c.l.Rate(now)
		if ok != c.ok || math.Abs(got-c.want) > 1e-5 {
			t.Errorf("%s: %v%%, %v; want %v%%", c.name, got, ok, c.want)
		}
	}
}
