// Package sats holds the one type of money: whole satoshis in an int64.
//
// It imports nothing of ours, so that the wallet can count coins without
// knowing that a market exists, and the daemon without knowing Bitcoin.
package sats

import (
	"errors"
	"fmt"
	"strconv"
)

// Amount is a number of satoshis. It may be negative where a difference is
// meant; amounts that are paid or held lie in 0..Max.
type Amount int64

const (
	// PerBTC is the number of satoshis in one bitcoin.
	PerBTC Amount = 100_000_000
	// Max is the number of satoshis that can ever exist (21 million BTC), the
	// upper bound of every size and fee on the wire.
	Max Amount = 21_000_000 * PerBTC
)

// ErrRange means that an amount, or a sum of amounts, left 0..Max.
var ErrRange = errors.New("amount out of range")

// Valid reports whether a lies in 0..Max.
func (a Amount) Valid() bool { return a >= 0 && a <= Max }

// Sum adds amounts, each of which and every partial sum of which must lie in
// 0..Max; otherwise it returns ErrRange.
func Sum(amounts ...Amount) (Amount, error) {
	var total Amount
	for _, a := range amounts {
		if !a.Valid() || total+a > Max {
			return 0, ErrRange
		}
		total += a
	}
	return total, nil
}

// String prints the amount in satoshis with its unit, digits grouped by three:
// "1 234 567 sat".
func (a Amount) String() string { return group(strconv.FormatInt(int64(a), 10)) + " sat" }

// BTC prints the amount in bitcoin with all eight decimals: "0.01234567".
func (a Amount) BTC() string {
	sign := ""
	u := uint64(a)
	if a < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%08d", sign, u/uint64(PerBTC), u%uint64(PerBTC))
}

func group(digits string) string {
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	out := digits[:(len(digits)-1)%3+1]
	for rest := digits[len(out):]; rest != ""; rest = rest[3:] {
		out += " " + rest[:3]
	}
	return sign + out
}
