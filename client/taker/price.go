package taker

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// usualInputs is how many coins a maker is expected to bring, for estimates
// (spec: estimates used by the taker).
const usualInputs = 3

// estimate is the miner fee of the whole transaction with n makers, before
// their coins are known.
func (p *plan) estimate(n int) (sats.Amount, error) {
	if p.Sweep {
		return txbuild.Fee(slices.Repeat([]txbuild.ScriptType{txbuild.P2WPKH}, len(p.Inputs)+usualInputs*n),
			slices.Repeat([]txbuild.ScriptType{p.kind}, 2*n+1), p.FeeRate)
	}
	// Each maker is counted as a transaction of its own, without the taker:
	// three inputs, two outputs.
	inputs := slices.Repeat([]txbuild.ScriptType{txbuild.P2WPKH}, usualInputs)
	usual, err := txbuild.Fee(inputs, []txbuild.ScriptType{txbuild.P2WPKH, txbuild.P2WPKH}, p.FeeRate)
	if err != nil {
		return 0, err
	}
	last, err := txbuild.Fee(inputs, []txbuild.ScriptType{txbuild.P2WPKH, p.kind}, p.FeeRate)
	return sats.Amount(n-1)*usual + last, err
}

// gross is what the offer costs for an amount, without the maker's contribution
// to the miner fee taken off; sats.Max if it costs too much.
func (c Candidate) gross(amount sats.Amount) sats.Amount {
	fee, err := c.Offer.Fee(amount)
	if err != nil {
		return sats.Max
	}
	return fee
}

// fits reports whether the amount is within the offer's sizes.
func (c Candidate) fits(amount sats.Amount) bool {
	return amount >= c.Offer.MinSize && amount <= c.Offer.MaxSize
}

// quote puts makers and their fees into the plan.
func (a *attempt) quote(pl *plan, chosen, reserve []Candidate) error {
	pl.Makers, pl.Reserve, pl.CJFee = nil, nil, 0
	var fees []sats.Amount
	for i, c := range slices.Concat(chosen, reserve) {
		m := QuotedMaker{c.Nick, c.Offer, c.gross(pl.Amount), c.Bond}
		fees = append(fees, m.Fee)
		if i < len(chosen) {
			pl.Makers = append(pl.Makers, m)
			pl.CJFee += m.Fee
		} else {
			pl.Reserve = append(pl.Reserve, m)
		}
	}
	slices.Sort(fees)
	var err error
	if pl.MaxCJFee, err = sats.Sum(fees[len(fees)-len(chosen):]...); err != nil {
		return fmt.Errorf("the makers' fees: %w", err)
	}
	estimate, err := pl.estimate(len(chosen))
	if err != nil {
		return err
	}
	pl.MinerFee = max(0, estimate-contributions(pl.Makers))
	return nil
}

// price completes the quote for the coins that are set aside.
func (a *attempt) price(pl *plan) error {
	estimate, err := pl.estimate(len(pl.Makers))
	if err != nil {
		return err
	}
	left := coins.Sum(pl.Inputs) - pl.Amount - pl.CJFee
	if pl.Sweep {
		pl.MinerFee = left // the estimate and what rounding leaves over
	}
	if left < pl.MinerFee || pl.MinerFee < 0 {
		return fmt.Errorf("%w: %v are left for a miner fee of %v", coins.ErrFunds, left, pl.MinerFee)
	}
	pl.Change = 0
	if change := left - pl.MinerFee; change > txbuild.Dust {
		pl.Change = change
	}
	slack, err := decimal.Floor(a.maxChange, estimate)
	if err != nil {
		return err
	}
	pl.MaxMinerFee = pl.MinerFee + slack + txbuild.Dust
	if size := unsignedSize(len(pl.Inputs)+usualInputs*len(pl.Makers), 2*len(pl.Makers)+2); size > protocol.MaxTx {
		return because(protocol.ReasonTooLarge, errors.New("too many coins for one transaction; join some first or ask fewer makers"))
	}
	return nil
}

// contributions is what the makers add to the miner fee.
func contributions(makers []QuotedMaker) (sum sats.Amount) {
	for _, m := range makers {
		sum += m.Offer.TxFee
	}
	return sum
}

// unsignedSize estimates the bytes of a transaction without signatures, with
// P2WPKH inputs and outputs of any type.
func unsignedSize(inputs, outputs int) int { return 4 + 4 + 2*3 + 41*inputs + 43*outputs }
