package protocol

import (
	"errors"

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
func (t OfferType) Relative() bool {
	return t == RelOffer || t == SWRelOffer || t == SW0RelOffer
}

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

// Validate checks every bound of the offer (protocol: offers; attack M16).
func (o Offer) Validate() error {
	switch {
	case o.ID < 0:
		return ErrOfferID
	case !o.MinSize.Valid() || !o.MaxSize.Valid() || o.MinSize > o.MaxSize:
		return ErrOfferSize
	case !o.TxFee.Valid():
		return ErrOfferFee
	}
	_, err := o.fee()
	return err
}
