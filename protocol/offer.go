package protocol

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// OfferID is a maker's own number of an offer, 0..2^63-1. Together with the
// nick it names an offer.
type OfferID int64

// OfferType is one of the six offer commands. It says which script type the
// maker's coins have and how its fee is counted.
type OfferType string

// The offer types. Only the sw0 pair is in use on the main network.
const (
	RelOffer    OfferType = "reloffer"
	AbsOffer    OfferType = "absoffer"
	SWRelOffer  OfferType = "swreloffer"
	SWAbsOffer  OfferType = "swabsoffer"
	SW0RelOffer OfferType = "sw0reloffer"
	SW0AbsOffer OfferType = "sw0absoffer"
)

// Valid reports whether t is one of the six.
func (t OfferType) Valid() bool {
	switch t {
	case RelOffer, AbsOffer, SWRelOffer, SWAbsOffer, SW0RelOffer, SW0AbsOffer:
		return true
	}
	return false
}

// Relative reports whether the fee is a fraction of the amount.
func (t OfferType) Relative() bool { return strings.HasSuffix(string(t), "reloffer") }

// Script is the script type of a maker's inputs and outputs under t:
// "p2pkh", "p2sh-p2wpkh" or "p2wpkh".
func (t OfferType) Script() string {
	switch t {
	case RelOffer, AbsOffer:
		return "p2pkh"
	case SWRelOffer, SWAbsOffer:
		return "p2sh-p2wpkh"
	}
	return "p2wpkh"
}

// MinOfferSize is the least amount a CoinJoin may have, in satoshis (ten times
// the network's dust constant of 2730). A lower minsize is raised to it.
const MinOfferSize sats.Amount = 27_300

// Offer is what a maker announces:
//
//	!<type> <oid> <minsize> <maxsize> <txfee> <cjfee>
type Offer struct {
	Type    OfferType   `json:"type"`
	ID      OfferID     `json:"oid"`
	MinSize sats.Amount `json:"minsize"` // sat, least CoinJoin amount
	MaxSize sats.Amount `json:"maxsize"` // sat, greatest
	TxFee   sats.Amount `json:"txfee"`   // sat the maker adds to the miner fee
	// CJFee is the fee as text: whole satoshis for an absolute offer, a
	// decimal fraction of the amount (0 <= r < 1) for a relative one. Kept as
	// text so that it is written as it was read.
	CJFee string `json:"cjfee"`
}

// Errors of Offer.Validate, each naming the field at fault.
var (
	ErrOfferType = errors.New("offer type is none of the six")
	ErrOfferID   = errors.New("offer id out of range")
	ErrOfferSize = errors.New("offer sizes out of range")
	ErrOfferFee  = errors.New("offer fee is not a number in range")
)

var (
	wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)
	// A fraction below one, in plain decimals or, as older joinmarket-ng
	// makers send it, with a negative exponent (spec: messaging.md 2.4).
	plainFraction = regexp.MustCompile(`^0(\.[0-9]{1,28})?$`)
	expFraction   = regexp.MustCompile(`^([0-9])(?:\.([0-9]{1,18}))?[eE]-([0-9]{1,2})$`)
)

// Validate checks every bound of the offer (spec: messaging.md 2.4, attack M16).
func (o Offer) Validate() error {
	switch {
	case !o.Type.Valid():
		return ErrOfferType
	case o.ID < 0:
		return ErrOfferID
	case !o.MinSize.Valid() || !o.MaxSize.Valid() || o.MinSize > o.MaxSize:
		return ErrOfferSize
	case !o.TxFee.Valid():
		return ErrOfferFee
	}
	_, _, err := o.fee()
	return err
}

// fee returns the fee as unscaled * 10^-scale.
func (o Offer) fee() (unscaled *big.Int, scale int, err error) {
	bad := fmt.Errorf("%w: %.40q", ErrOfferFee, o.CJFee)
	if !o.Type.Relative() {
		n, err := strconv.ParseInt(o.CJFee, 10, 64)
		if err != nil || !wholeNumber.MatchString(o.CJFee) || !sats.Amount(n).Valid() {
			return nil, 0, bad
		}
		return big.NewInt(n), 0, nil
	}
	var digits string
	if plainFraction.MatchString(o.CJFee) {
		_, digits, _ = strings.Cut(o.CJFee, ".")
		scale = len(digits)
	} else if m := expFraction.FindStringSubmatch(o.CJFee); m != nil {
		exp, _ := strconv.Atoi(m[3])
		digits, scale = m[1]+m[2], len(m[2])+exp
		if exp < 1 || exp > 18 {
			return nil, 0, bad
		}
	} else {
		return nil, 0, bad
	}
	unscaled, ok := new(big.Int).SetString("0"+digits, 10)
	if !ok {
		return nil, 0, bad
	}
	return unscaled, scale, nil
}

// Fee is what the maker asks for a CoinJoin of the given amount, in satoshis:
// the absolute fee, or cjfee * amount in decimal arithmetic of 28 significant
// digits, rounded half to even. Both sides of the market must come to the same
// number (spec: taker-maker.md 3.1). The offer must be valid.
func (o Offer) Fee(amount sats.Amount) (sats.Amount, error) {
	unscaled, scale, err := o.fee()
	if err != nil {
		return 0, err
	}
	if !o.Type.Relative() {
		return sats.Amount(unscaled.Int64()), nil
	}
	if !amount.Valid() {
		return 0, sats.ErrRange
	}
	product := new(big.Int).Mul(unscaled, big.NewInt(int64(amount)))
	if excess := len(product.String()) - 28; excess > 0 {
		product, scale = halfEven(product, excess), scale-excess
	}
	return sats.Amount(halfEven(product, scale).Int64()), nil
}

// halfEven divides n >= 0 by 10^digits, rounding half to even.
func halfEven(n *big.Int, digits int) *big.Int {
	if digits <= 0 {
		return n
	}
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
