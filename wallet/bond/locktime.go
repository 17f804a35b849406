// Package bond knows fidelity bonds: coins that their owner has locked until a
// date, and the proofs by which a maker shows a taker that it owns one.
//
// A bond is a coin of the script <locktime> CHECKLOCKTIMEVERIFY DROP <key>
// CHECKSIG, hidden in a P2WSH output. Wallets use 960 locktimes, the beginning
// of every month from January 2020 to December 2099; a month is named by its
// timenumber 0..959. A proof holds for any locktime.
//
// Everything here is a pure function: nothing is asked of a node, and whoever
// has a proof must ask one about the coin, then Proof.CheckCoin.
package bond

import (
	"errors"
	"fmt"
	"time"
)

// Locktimes is the number of locktimes that wallets use: 80 years.
const Locktimes = 960

// firstYear is that of timenumber 0.
const firstYear = 2020

// ErrMonth: a time is not the beginning of a month that wallets use.
var ErrMonth = errors.New("not the beginning of a month from 2020-01 to 2099-12")

// Locktime returns the first second, in UTC, of a month counted from January
// 2020, as Unix time. The timenumber is 0..959, else ErrMonth.
func Locktime(timenumber int) (uint32, error) {
	if timenumber < 0 || timenumber >= Locktimes {
		return 0, fmt.Errorf("%w: timenumber %d", ErrMonth, timenumber)
	}
	return uint32(time.Date(firstYear, time.January+time.Month(timenumber), 1, 0, 0, 0, 0, time.UTC).Unix()), nil
}

// Timenumber is the inverse of Locktime. (The reference also takes January 2100
// here, for which it has no address.)
func Timenumber(locktime uint32) (int, error) {
	at := time.Unix(int64(locktime), 0).UTC()
	n := (at.Year()-firstYear)*12 + int(at.Month()-time.January)
	if exact, err := Locktime(n); err != nil || exact != locktime {
		return 0, fmt.Errorf("%w: %s", ErrMonth, at.Format(time.DateTime))
	}
	return n, nil
}

// ParseMonth reads a month as users write it, 2027-01, and returns its
// timenumber.
func ParseMonth(text string) (int, error) {
	at, err := time.Parse("2006-01", text)
	if err != nil || at.Unix() < 0 {
		return 0, fmt.Errorf("%w: %.20q; write year-month, such as 2027-01", ErrMonth, text)
	}
	return Timenumber(uint32(min(at.Unix(), 1<<32-1)))
}
