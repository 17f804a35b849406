// Package decimal reads decimal fractions exactly and multiplies amounts with
// them, so that no fee depends on a floating point rounding.
package decimal

import (
	"errors"
	"math/big"
	"regexp"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// ErrText means that a text is not a plain decimal number.
var ErrText = errors.New("not a decimal number such as 0.003")

var plain = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})(\.[0-9]{1,28})?$`)

// Parse reads a number >= 0 in plain decimals, without sign or exponent.
func Parse(text string) (*big.Rat, error) {
	if !plain.MatchString(text) {
		return nil, ErrText
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, ErrText
	}
	return r, nil
}

// Floor returns r * a rounded down, with a in 0..sats.Max, and sats.ErrRange if
// that is above sats.Max.
func Floor(r *big.Rat, a sats.Amount) (sats.Amount, error) {
	product := new(big.Rat).Mul(r, Of(a))
	return amount(new(big.Int).Quo(product.Num(), product.Denom()))
}

// Of makes an amount a number.
func Of(a sats.Amount) *big.Rat { return new(big.Rat).SetInt64(int64(a)) }

// Round returns r, which is not negative, as a whole amount, halves to even;
// sats.ErrRange if that is above sats.Max.
func Round(r *big.Rat) (sats.Amount, error) {
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(r.Denom()) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		q.Add(q, big.NewInt(int64(q.Bit(0))))
	}
	return amount(q)
}

func amount(n *big.Int) (sats.Amount, error) {
	if !n.IsInt64() || !sats.Amount(n.Int64()).Valid() {
		return 0, sats.ErrRange
	}
	return sats.Amount(n.Int64()), nil
}
