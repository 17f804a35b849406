package sats

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// FeeRate is what a transaction pays for its size, in satoshis for 1000 virtual
// bytes (sat/kvB).
type FeeRate int64

// ErrFeeRate means that a text is not a fee rate.
var ErrFeeRate = errors.New("not a fee rate")

// Twelve digits of sat/vB stay below Max when they become sat/kvB.
var feeRateText = regexp.MustCompile(`^([0-9]{1,12})(?:\.([0-9]{1,3}))? ?(sat/vb|sat/kvb)?$`)

// ParseFeeRate reads a rate as a user writes it: "2.5 sat/vB" with at most three
// decimals, or a whole number of sat/kvB, with or without that unit: "2500".
// The case of the unit and the blank before it do not matter. It returns
// ErrFeeRate.
//
// Where a small whole number means a number of blocks, as in the setting
// tx_fees, the caller looks at the text first.
func ParseFeeRate(text string) (FeeRate, error) {
	m := feeRateText.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil || m[2] != "" && m[3] != "sat/vb" {
		return 0, fmt.Errorf("%w: %.40q (write 2.5 sat/vB, or 2500 for the same in sat/kvB)", ErrFeeRate, text)
	}
	if m[3] == "sat/vb" {
		m[1] += (m[2] + "000")[:3]
	}
	rate, _ := strconv.ParseInt(m[1], 10, 64) // at most 15 digits
	return FeeRate(rate), nil
}

// String prints the rate in both units: "1999 sat/kvB (1.9 sat/vB)". The second
// is cut after one decimal, as the reference does.
func (r FeeRate) String() string {
	sign := ""
	u := uint64(r)
	if r < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d sat/kvB (%s%d.%d sat/vB)", sign, u, sign, u/1000, u%1000/100)
}
