package sats

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ErrText means that a text is not an amount of money.
var ErrText = errors.New("not an amount of bitcoin")

// The reference's grammar: eight digits, a point, eight digits and a unit, all
// but the first digit optional.
var amountText = regexp.MustCompile(`^([0-9]{1,8})(\.?)([0-9]{0,8})(btc|sat)?$`)

// Parse reads an amount as a user writes it. Without a unit, a point means
// bitcoin and its absence satoshis; "btc" and "sat" in any case are explicit.
// Parts of a satoshi are cut off, as the reference does: a caller to whom zero
// means "everything" must look at the text as well.
//
// It returns ErrText, or ErrRange above Max.
func Parse(text string) (Amount, error) {
	m := amountText.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil {
		return 0, fmt.Errorf("%w: %.40q (write 250000, 250000sat, 0.0025 or 0.0025btc)", ErrText, text)
	}
	whole, point, fraction, unit := m[1], m[2], m[3], m[4]
	if point == "" {
		whole, fraction = whole+fraction, ""
	}
	if unit == "sat" || unit == "" && point == "" {
		n, _ := strconv.ParseInt(whole, 10, 64) // at most 16 digits
		return inRange(Amount(n), text)
	}
	return btc(whole, fraction, text)
}

// ParseBTC reads an amount in bitcoin as a node's RPC writes it: a plain decimal
// with at most eight places, such as 0.00012300 or 21, or with an exponent, such
// as 1e-8 or 1.5E-06. No sign, no floating point. It returns ErrText or
// ErrRange.
func ParseBTC(number string) (Amount, error) {
	m := nodeNumber.FindStringSubmatch(number)
	if m == nil {
		return 0, fmt.Errorf("%w: %.40q", ErrText, number)
	}
	whole, fraction := m[1], m[2]
	if m[3] != "" {
		places, _ := strconv.Atoi(m[3])
		digits := strings.Repeat("0", places) + whole
		whole, fraction = digits[:len(digits)-places], digits[len(digits)-places:]+fraction
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > 8 {
		return 0, fmt.Errorf("%w: %.40q has parts of a satoshi", ErrText, number)
	}
	return btc(whole, fraction, number)
}

var nodeNumber = regexp.MustCompile(`^([0-9]{1,12})(?:\.([0-9]{1,20}))?(?:[eE]-([0-9]{1,2}))?$`)

// btc joins at most 20 digits of bitcoin with at most 8 of its parts.
func btc(whole, fraction, text string) (Amount, error) {
	w, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || w > int64(Max/PerBTC) {
		return 0, fmt.Errorf("%w: %.40q is more than 21 million BTC", ErrRange, text)
	}
	f, _ := strconv.ParseInt((fraction + "00000000")[:8], 10, 64)
	return inRange(Amount(w)*PerBTC+Amount(f), text)
}

func inRange(a Amount, text string) (Amount, error) {
	if !a.Valid() {
		return 0, fmt.Errorf("%w: %.40q is more than 21 million BTC", ErrRange, text)
	}
	return a, nil
}
