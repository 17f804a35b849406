package taker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// usualInputs is how many coins a maker is expected to bring, for estimates
// (spec: estimates used by the taker).
const usualInputs = 3

// plan is what was chosen: the quote and what it does not show.
type plan struct {
	Quote
	destination []byte // output script
}

// choose decides with whom and at what price, and sets own coins aside.
func (a *attempt) choose(ctx context.Context) (*plan, error) {
	p := a.payment
	if err := p.check(); err != nil {
		return nil, err
	}
	destination, err := txbuild.ParseAddress(p.Destination, a.cfg.Wallet.Params())
	if err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	kind, err := txbuild.TypeOf(destination)
	if err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	// Coins first: without them there is no need to ask the market.
	if err := a.reserve(p.Amount); err != nil {
		return nil, err
	}
	rate, err := a.cfg.FeeRate.Draw(ctx, a.cfg.Wallet.Chain())
	if err != nil {
		return nil, err
	}
	book, err := a.book(ctx, p.Makers)
	if err != nil {
		return nil, err
	}
	pl := &plan{destination: destination}
	pl.Destination, pl.MinMakers, pl.FeeRate, pl.Sweep = p.Destination, p.MinMakers, rate, p.Amount == 0
	var estimate sats.Amount
	var chosen []Candidate
	if pl.Sweep {
		chosen, estimate, err = a.offersForAll(book, pl, kind)
	} else {
		chosen, estimate, err = a.offersFor(book, pl, kind)
	}
	if err != nil {
		return nil, err
	}
	if err := a.price(pl, chosen, estimate); err != nil {
		return nil, err
	}
	a.result.Amount = pl.Amount
	return pl, nil
}

// check refuses a payment that cannot be meant.
func (p Payment) check() error {
	switch {
	case p.Makers < 1 || p.Makers > protocol.MaxMakers || p.MinMakers < 1 || p.MinMakers > p.Makers:
		return fmt.Errorf("%d makers, at least %d: want 1..%d and not more at least than in all",
			p.Makers, p.MinMakers, protocol.MaxMakers)
	case p.Amount != 0 && (p.Amount < protocol.MinOfferSize || !p.Amount.Valid()):
		return because(protocol.ReasonAmountRange,
			fmt.Errorf("amount %v: a CoinJoin has at least %v", p.Amount, protocol.MinOfferSize))
	}
	return nil
}

// reserve sets coins worth target aside, all of the mixdepth for target 0, in
// the place of those set aside before.
func (a *attempt) reserve(target sats.Amount) error {
	if a.lease != nil {
		a.lease.Release()
	}
	lease, err := a.cfg.Wallet.Reserve(wallet.Reservation{Mixdepth: a.payment.Mixdepth, Target: target,
		Sweep: target == 0, MinConf: 1, Purpose: "coinjoin", TTL: leaseTime})
	if err != nil {
		return fmt.Errorf("setting coins of mixdepth %d aside: %w", a.payment.Mixdepth, err)
	}
	a.lease = lease
	return nil
}

// offersFor picks offers for the amount of the payment and reserves coins for
// it. estimate is the miner fee.
func (a *attempt) offersFor(book []control.OfferEntry, pl *plan, kind txbuild.ScriptType) (
	chosen []Candidate, estimate sats.Amount, err error) {
	amount := a.payment.Amount
	list := a.candidates(book, filter{amount: amount, below: amount, above: amount, exclude: a.payment.Exclude})
	n := min(a.payment.Makers, len(list))
	if n < a.payment.MinMakers {
		return nil, 0, a.fewOffers(len(list))
	}
	chosen, _, _ = a.pick(list, n, a.payment.Makers)
	// Each maker is counted as a transaction of its own, without the taker:
	// three inputs, two outputs.
	inputs := slices.Repeat([]txbuild.ScriptType{txbuild.P2WPKH}, usualInputs)
	usual, err := txbuild.Fee(inputs, []txbuild.ScriptType{txbuild.P2WPKH, txbuild.P2WPKH}, pl.FeeRate)
	if err != nil {
		return nil, 0, err
	}
	last, err := txbuild.Fee(inputs, []txbuild.ScriptType{txbuild.P2WPKH, kind}, pl.FeeRate)
	if err != nil {
		return nil, 0, err
	}
	estimate = sats.Amount(n-1)*usual + last
	needed := []sats.Amount{amount, max(0, estimate-contributions(chosen))}
	for _, c := range chosen {
		fee, err := c.Offer.Fee(amount)
		if err != nil {
			return nil, 0, err
		}
		needed = append(needed, fee)
	}
	target, err := sats.Sum(needed...)
	if err != nil {
		return nil, 0, err
	}
	pl.Amount = amount
	return chosen, estimate, a.reserve(target)
}

// offersForAll picks offers for sending everything that was reserved, and
// solves for the amount.
func (a *attempt) offersForAll(book []control.OfferEntry, pl *plan, kind txbuild.ScriptType) (
	chosen []Candidate, estimate sats.Amount, err error) {
	total, found := coins.Sum(a.lease.Coins), 0
	for n := a.payment.Makers; n >= a.payment.MinMakers; n-- {
		inputs := slices.Repeat([]txbuild.ScriptType{txbuild.P2WPKH}, len(a.lease.Coins)+usualInputs*n)
		outputs := slices.Repeat([]txbuild.ScriptType{kind}, 2*n+1)
		if estimate, err = txbuild.Fee(inputs, outputs, pl.FeeRate); err != nil {
			return nil, 0, err
		}
		list := a.candidates(book, filter{amount: total, below: total, above: total - estimate, gross: true,
			exclude: a.payment.Exclude})
		found = max(found, len(list))
		var ok bool
		if chosen, pl.Amount, ok = a.chooseSweep(list, n, total, estimate); ok && pl.Amount >= protocol.MinOfferSize {
			return chosen, estimate, nil
		}
	}
	return nil, 0, a.fewOffers(found)
}

func (a *attempt) fewOffers(found int) error {
	return because(protocol.ReasonFewOffers, fmt.Errorf(
		"%d makers offer this amount within the fee limits, %d are needed",
		found, a.payment.MinMakers))
}

// price completes the quote for the chosen offers and the reserved coins.
func (a *attempt) price(pl *plan, chosen []Candidate, estimate sats.Amount) error {
	for _, c := range chosen {
		fee, err := c.Offer.Fee(pl.Amount)
		if err != nil {
			return err
		}
		pl.Makers = append(pl.Makers, QuotedMaker{c.Nick, c.Offer, fee})
		pl.CJFee += fee
	}
	pl.Inputs = a.lease.Coins
	left := coins.Sum(pl.Inputs) - pl.Amount - pl.CJFee
	pl.MinerFee = max(0, estimate-contributions(chosen))
	if pl.Sweep {
		pl.MinerFee = left // the estimate and what rounding leaves over
	}
	if left < pl.MinerFee || pl.MinerFee < 0 {
		return fmt.Errorf("%w: %v are left for a miner fee of %v", coins.ErrFunds, left, pl.MinerFee)
	}
	if change := left - pl.MinerFee; change > txbuild.Dust {
		pl.Change = change
	}
	slack, err := decimal.Floor(a.maxChange, estimate)
	if err != nil {
		return err
	}
	pl.MaxMinerFee = pl.MinerFee + slack + txbuild.Dust
	if size := unsignedSize(len(pl.Inputs)+usualInputs*len(chosen), 2*len(chosen)+2); size > protocol.MaxTx {
		return because(protocol.ReasonTooLarge, errors.New("too many coins for one transaction; join some first or ask fewer makers"))
	}
	return nil
}

// contributions is what the makers add to the miner fee.
func contributions(chosen []Candidate) (sum sats.Amount) {
	for _, c := range chosen {
		sum += c.Offer.TxFee
	}
	return sum
}

// unsignedSize estimates the bytes of a transaction without signatures, with
// P2WPKH inputs and outputs of any type.
func unsignedSize(inputs, outputs int) int { return 4 + 4 + 2*3 + 41*inputs + 43*outputs }
