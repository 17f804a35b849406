package sats

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnit means that a text names no unit of money.
var ErrUnit = errors.New("unknown unit of bitcoin")

// decimals is how many decimal places a unit has, in the spelling of the
// reference: case matters, and the micro sign is the Greek letter.
var decimals = map[string]int{"BTC": 8, "mBTC": 5, "μBTC": 2, "bit": 2, "satoshi": 0, "sat": 0}

// Long prints the amount in both units, as the reference does: "0.00027300 BTC
// (27300 sat)".
func (a Amount) Long() string { return fmt.Sprintf("%s BTC (%d sat)", a.BTC(), int64(a)) }

// SignedBTC is BTC with a sign before amounts that are not negative too, as
// changes of a balance are shown: "+0.00027300".
func (a Amount) SignedBTC() string {
	if a < 0 {
		return a.BTC()
	}
	return "+" + a.BTC()
}

// In prints the amount in one of the units BTC, mBTC, μBTC, bit, satoshi and
// sat, exactly and without zeros at the end: 123456789 in mBTC is "1234.56789".
// Other units, or these in another case, are ErrUnit.
func (a Amount) In(unit string) (string, error) {
	places, ok := decimals[unit]
	if !ok {
		return "", fmt.Errorf("%w: %.20q (BTC, mBTC, μBTC, bit, satoshi or sat)", ErrUnit, unit)
	}
	// The digits of BTC without their point, which then moves.
	whole, fraction, _ := strings.Cut(a.BTC(), ".")
	sign := ""
	if rest, negative := strings.CutPrefix(whole, "-"); negative {
		sign, whole = "-", rest
	}
	moved := len(fraction) - places
	whole, fraction = strings.TrimLeft(whole+fraction[:moved], "0"), strings.TrimRight(fraction[moved:], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction, nil
}
