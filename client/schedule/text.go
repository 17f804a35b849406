package schedule

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Bounds of a file.
const (
	MaxBytes   = 1 << 18
	MaxEntries = 1000
)

// ErrText means that a text is no schedule.
var ErrText = errors.New("not a schedule")

var fieldNames = [...]string{"mixdepth", "amount", "makers", "destination", "wait", "rounding", "completed"}

// Parse reads a schedule: a line of seven fields between commas for each entry,
// lines that begin with # being comments. One bad line refuses the whole,
// naming it: ErrText.
func Parse(text []byte, params *chaincfg.Params) ([]Entry, error) {
	switch {
	case len(text) > MaxBytes:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrText, MaxBytes)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%w: not UTF-8", ErrText)
	}
	var entries []Entry
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if strings.HasPrefix(line, "#") {
			continue
		}
		entry, err := parseLine(line, params)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrText, number, err)
		}
		if entries = append(entries, entry); len(entries) > MaxEntries {
			return nil, fmt.Errorf("%w: more than %d entries", ErrText, MaxEntries)
		}
	}
	return entries, nil
}

func parseLine(line string, params *chaincfg.Params) (e Entry, err error) {
	fields := strings.Split(line, ",")
	if len(fields) != len(fieldNames) {
		return e, fmt.Errorf("%d fields, want %d: %s", len(fields), len(fieldNames), strings.Join(fieldNames[:], ","))
	}
	for i, name := range fieldNames {
		text := strings.Trim(fields[i], " \t\r\n")
		switch name {
		case "mixdepth":
			e.Mixdepth, err = parseNumber(text, wallet.MaxMixdepths-1)
		case "amount":
			e.Amount, err = parseAmount(text)
		case "makers":
			e.Makers, err = parseNumber(text, protocol.MaxMakers)
		case "destination":
			if e.Destination = text; text != Internal && text != Ask {
				_, err = txbuild.ParseAddress(text, params)
			}
		case "wait":
			e.Wait, err = parseWait(text)
		case "rounding":
			e.Rounding, err = parseNumber(text, NoRounding)
		case "completed":
			e.TxID, e.Done, err = parseCompleted(text)
		}
		if err != nil {
			return e, fmt.Errorf("%s: %w", name, err)
		}
	}
	return e, nil
}

// parseNumber reads a plain number 0..most.
func parseNumber(text string, most int64) (int, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || text[0] == '+' || int64(n) > most {
		return 0, fmt.Errorf("%q: want a number 0 to %d", text, most)
	}
	return int(n), nil
}

// real is a decimal number in the forms that the reference writes and reads.
// Its length bounds what big.Rat makes of it.
var real = regexp.MustCompile(`^([0-9]{1,20}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][-+]?[0-9]{1,2})?$`)

func parseReal(text string) (*big.Rat, bool) {
	if !real.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

var one = big.NewRat(1, 1)

func parseAmount(text string) (Amount, error) {
	if !strings.Contains(text, ".") {
		n, err := parseNumber(text, int64(sats.Max))
		return Amount{Sats: sats.Amount(n)}, err
	}
	r, ok := parseReal(text)
	if !ok || r.Cmp(one) > 0 {
		return Amount{}, fmt.Errorf("%q: want satoshis, 0 for everything, or a fraction 0.0 to 1.0 of the balance", text)
	}
	return Amount{Fraction: decimalText(r)}, nil
}

var minute = big.NewRat(int64(time.Minute/time.Millisecond), 1)

func parseWait(text string) (time.Duration, error) {
	r, ok := parseReal(text)
	if ok {
		ms, _ := new(big.Rat).Mul(r, minute).Float64()
		if wait := time.Duration(ms+0.5) * time.Millisecond; ms <= float64(MaxWait/time.Millisecond) {
			return wait, nil
		}
	}
	return 0, fmt.Errorf("%q: want minutes, up to %d", text, int(MaxWait.Minutes()))
}

var txid = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

func parseCompleted(text string) (id string, done bool, err error) {
	switch {
	case text == "0", text == "1":
		return "", text == "1", nil
	case txid.MatchString(text):
		return strings.ToLower(text), false, nil
	}
	return "", false, fmt.Errorf("%q: want 0, 1 or a transaction's id", text)
}

// Format writes a schedule. The reference reads it, too; where its own writing
// has exponents, which it cannot read back, this has plain decimals.
func Format(entries []Entry) string {
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = e.String()
	}
	return strings.Join(lines, "\n")
}

// String writes the entry as a line of a schedule.
func (e Entry) String() string {
	amount, completed := strconv.FormatInt(int64(e.Amount.Sats), 10), "0"
	if e.Amount.Fraction != "" {
		amount = e.Amount.Fraction
	}
	switch {
	case e.Done:
		completed = "1"
	case e.TxID != "":
		completed = e.TxID
	}
	wait := strconv.FormatFloat(e.Wait.Minutes(), 'f', -1, 64)
	if !strings.Contains(wait, ".") {
		wait += ".0"
	}
	return fmt.Sprintf("%d,%s,%d,%s,%s,%d,%s", e.Mixdepth, amount, e.Makers, e.Destination, wait, e.Rounding, completed)
}
