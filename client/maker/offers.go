package maker

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Terms are what the maker asks for.
type Terms struct {
	// Types are the offers to publish: sw0absoffer, sw0reloffer or both. Their
	// order gives the ids 0 and 1.
	Types    []protocol.OfferType
	CJFeeAbs sats.Amount // sat, what an absolute offer earns, on top of TxFee
	CJFeeRel string      // decimal fraction of the amount, below 1
	TxFee    sats.Amount // sat the maker adds to the miner fee
	MinSize  sats.Amount // sat; values below protocol.MinOfferSize are raised to it

	// Basic makes offers as the reference's basic generator does: as
	// configured, by the lowest mixdepth that has enough. Otherwise they are
	// those of the privacy-enhanced one: drawn anew each time around what is
	// configured, and coins come from where the gap between mixdepths is
	// largest.
	Basic bool
	// By how much fees, contribution and sizes may differ from what is
	// configured: decimal fractions up to 1, empty for 0; of no meaning with
	// Basic. The greatest size is only ever drawn lower.
	CJFeeFactor, TxFeeFactor, SizeFactor string
}

// ErrTerms means that the terms cannot become offers.
var ErrTerms = errors.New("the maker's terms are not usable")

// Validate checks every field, and that no offer could ever cost the maker
// money: a relative fee of zero needs a TxFee of zero.
func (t Terms) Validate() error {
	if len(t.Types) == 0 || len(t.Types) > 2 {
		return fmt.Errorf("%w: one or two offer types are needed, not %d", ErrTerms, len(t.Types))
	}
	if len(t.Types) == 2 && t.Types[0] == t.Types[1] {
		return fmt.Errorf("%w: %s is listed twice", ErrTerms, t.Types[0])
	}
	if !t.MinSize.Valid() || !t.TxFee.Valid() || !t.CJFeeAbs.Valid() {
		return fmt.Errorf("%w: minsize, txfee and cjfee_a lie between 0 and %v", ErrTerms, sats.Max)
	}
	for name, factor := range map[string]string{"cjfee_factor": t.CJFeeFactor, "txfee_contribution_factor": t.TxFeeFactor, "size_factor": t.SizeFactor} {
		if r, err := decimal.Parse(cmp.Or(factor, "0")); err != nil || r.Cmp(one) > 0 {
			return fmt.Errorf("%w: %s is a decimal number from 0 to 1, not %.30q", ErrTerms, name, factor)
		}
	}
	for id := range t.Types {
		o, err := t.offer(id)
		if err != nil {
			return err
		}
		if o.Type.Relative() && !t.Basic {
			rate, _ := new(big.Rat).SetString(o.CJFee) // offer has read it
			if rate.Mul(rate, new(big.Rat).Add(one, factor(t.CJFeeFactor))).Cmp(one) >= 0 {
				return fmt.Errorf("%w: cjfee_r %s with a cjfee_factor of %s would ask for the whole amount", ErrTerms, t.CJFeeRel, t.CJFeeFactor)
			}
		}
	}
	return nil
}

// Offers returns what to publish when the richest mixdepth can spend balance.
// There are none while it is too little for the least size; that is no error.
// The terms must be valid. No size tells more of the balance than its first two
// digits (attack M26).
func (t Terms) Offers(balance sats.Amount) []protocol.Offer {
	offers := []protocol.Offer{}
	for id := range t.Types {
		o, err := t.offer(id)
		if err != nil {
			continue
		}
		if t.Basic {
			o.MaxSize = coarse(balance - max(protocol.MinOfferSize, t.TxFee))
		} else {
			o = t.vary(o, balance)
		}
		if o.Validate() == nil {
			offers = append(offers, o)
		}
	}
	return offers
}

// coarse keeps the first two digits of an amount; what is negative is nothing.
func coarse(a sats.Amount) sats.Amount {
	unit := sats.Amount(1)
	for ; a/unit >= 100; unit *= 10 {
	}
	return max(0, a/unit*unit)
}

// offer is the offer of Types[id] as configured, without an upper bound on its
// size (spec: taker-maker.md 13.2, the basic generator).
func (t Terms) offer(id int) (protocol.Offer, error) {
	if t.Types[id] != protocol.SW0AbsOffer && t.Types[id] != protocol.SW0RelOffer {
		return protocol.Offer{}, fmt.Errorf("%w: the wallet's coins are P2WPKH, for sw0absoffer and sw0reloffer, not %.20q",
			ErrTerms, string(t.Types[id]))
	}
	o := protocol.Offer{
		Type:    t.Types[id],
		ID:      protocol.OfferID(id),
		MinSize: max(t.MinSize, protocol.MinOfferSize),
		MaxSize: sats.Max,
		TxFee:   t.TxFee,
		CJFee:   strconv.FormatInt(int64(t.TxFee+t.CJFeeAbs), 10),
	}
	if o.Type.Relative() {
		o.CJFee = t.CJFeeRel
	}
	if err := o.Validate(); err != nil {
		return o, fmt.Errorf("%w: %w", ErrTerms, err)
	}
	if !o.Type.Relative() {
		return o, nil
	}
	if strings.ContainsAny(o.CJFee, "eE") {
		return o, fmt.Errorf("%w: cjfee_r must be written without an exponent, not %q", ErrTerms, o.CJFee)
	}
	// At the least size the fee must be worth one and a half contributions.
	least := big.NewRat(3*int64(t.TxFee), 2)
	rate, _ := new(big.Rat).SetString(o.CJFee) // Validate has read it
	if rate.Sign() > 0 {
		least.Quo(least, rate)
	} else if t.TxFee > 0 {
		return o, fmt.Errorf("%w: a fee of zero never covers a txfee of %v", ErrTerms, t.TxFee)
	}
	if least.Cmp(big.NewRat(int64(sats.Max), 1)) > 0 {
		return o, fmt.Errorf("%w: a fee of %s never covers a txfee of %v", ErrTerms, o.CJFee, t.TxFee)
	}
	size := new(big.Int).Quo(least.Num(), least.Denom())
	o.MinSize = max(o.MinSize, sats.Amount(size.Int64()))
	return o, nil
}
