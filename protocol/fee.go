package protocol

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// MaxFeeText is the greatest length of a fee's text in bytes (attack M16).
const MaxFeeText = 30

const (
	// maxExponent bounds the exponent of a fee like 1e-05 (attack M16).
	maxExponent = 18
	// significant is the precision, in digits, of the reference's decimal
	// arithmetic, which every peer imitates.
	significant = 28
)

// decimal is the number digits * 10^-scale.
type decimal struct {
	digits string // at least one
	scale  int
}

// fee reads the text of the fee.
func (o Offer) fee() (decimal, error) {
	if !o.Type.Valid() {
		return decimal{}, ErrOfferType
	}
	d, ok := decimal{}, false
	if len(o.CJFee) <= MaxFeeText {
		if o.Type.Relative() {
			d, ok = parseFraction(o.CJFee)
		} else {
			d.digits = o.CJFee
			_, ok = ParseNumber(o.CJFee, int64(sats.Max))
		}
	}
	if !ok {
		return decimal{}, fmt.Errorf("%w: %.*q", ErrOfferFee, MaxFeeText, o.CJFee)
	}
	return d, nil
}

// parseFraction reads a fraction r, 0 <= r < 1: "0", "0.000020" or, as older
// joinmarket-ng makers send it, "1e-05". No peer asks for the whole amount and
// more, so 1 and above is refused although the reference takes it.
func parseFraction(text string) (decimal, bool) {
	mantissa, exponent, scientific := cutExponent(text)
	whole, digits, point := strings.Cut(mantissa, ".")
	switch {
	case point && !isDigits(digits):
		return decimal{}, false
	case scientific:
		n, err := strconv.Atoi(exponent)
		return decimal{whole + digits, len(digits) + n},
			len(whole) == 1 && isDigits(whole) && err == nil &&
				len(exponent) <= 2 && isDigits(exponent) && 1 <= n && n <= maxExponent
	}
	return decimal{whole + digits, len(digits)}, whole == "0" && len(digits) <= significant
}

// cutExponent cuts "e-05" or "E-05" from the end of text.
func cutExponent(text string) (mantissa, exponent string, found bool) {
	i := strings.IndexAny(text, "eE")
	if i < 0 || i+1 == len(text) || text[i+1] != '-' {
		return text, "", false
	}
	return text[:i], text[i+2:], true
}

// Fee is what the maker asks for a CoinJoin of the given amount, in satoshis:
// the absolute fee, or cjfee * amount in decimal arithmetic of 28 significant
// digits, rounded half to even. Both sides of the market must come to the same
// number (protocol: fees). The offer must be valid.
func (o Offer) Fee(amount sats.Amount) (sats.Amount, error) {
	fee, err := o.fee()
	if err != nil {
		return 0, err
	}
	if !amount.Valid() {
		return 0, sats.ErrRange
	}
	if !o.Type.Relative() {
		amount = 1
	}
	return fee.times(amount), nil
}

// times multiplies as the reference does: it rounds the product to 28
// significant digits and then to a whole number, each time half to even. A
// whole result of 28 digits or fewer is exact in the first step, so the scale
// stays above zero as long as the result lies within sats.Max.
func (d decimal) times(amount sats.Amount) sats.Amount {
	product, _ := new(big.Int).SetString(d.digits, 10)
	product.Mul(product, big.NewInt(int64(amount)))
	scale := d.scale
	if excess := len(product.String()) - significant; excess > 0 {
		product, scale = halfEven(product, excess), scale-excess
	}
	return sats.Amount(halfEven(product, scale).Int64())
}

// halfEven divides n >= 0 by 10^digits, digits >= 0, rounding half to even.
func halfEven(n *big.Int, digits int) *big.Int {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	q, r := new(big.Int).QuoRem(n, unit, new(big.Int))
	switch r.Lsh(r, 1).Cmp(unit) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		q.Add(q, big.NewInt(int64(q.Bit(0))))
	}
	return q
}
