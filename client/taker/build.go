package taker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// join is the transaction that was agreed on.
type join struct {
	*txbuild.Tx
	plan   *plan
	makers []party
}

// build makes the transaction. While its fee is beyond the quote, or it is too
// large to be sent, the makers with the most coins are left out, as long as
// enough remain (attack T5).
func (a *attempt) build(ctx context.Context, pl *plan, parties []party) (*join, error) {
	tip, err := a.cfg.Wallet.Chain().Tip(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the height: %w", err)
	}
	cj := txbuild.CoinJoin{Amount: pl.Amount, Destination: pl.destination, Rate: pl.FeeRate, LockTime: txbuild.LockTime(tip.Height)}
	for _, c := range pl.Inputs {
		cj.Inputs = append(cj.Inputs, txbuild.Input{OutPoint: c.OutPoint, Value: c.Value, Script: c.Script})
	}
	if !pl.Sweep {
		// That the address was handed out is on the disk before anybody sees it.
		change, err := a.cfg.Wallet.NextAddress(a.payment.Mixdepth, keys.Internal)
		if err != nil {
			return nil, fmt.Errorf("taking a change address: %w", err)
		}
		cj.Change = change.Script
	}
	least, err := a.cfg.Wallet.Chain().MinFeeRate(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the least fee rate: %w", err)
	}
	for {
		cj.Makers = nil
		for _, p := range parties {
			cj.Makers = append(cj.Makers, p.Maker)
		}
		tx, err := cj.Build()
		if err == nil {
			err = a.affordable(pl, tx, cj.Makers, least)
		}
		if err == nil {
			return a.agreed(pl, tx, cj, parties), nil
		}
		tooBig := errors.Is(err, errTooBig) || errors.Is(err, txbuild.ErrFunds)
		if !tooBig || len(parties) == pl.MinMakers {
			return nil, fmt.Errorf("building the transaction: %w", err)
		}
		most := 0
		for i, p := range parties {
			if len(p.Inputs) > len(parties[most].Inputs) {
				most = i
			}
		}
		a.drop(parties[most].nick, protocol.ReasonFeeLimit, fmt.Sprintf("its %d coins make the transaction too large", len(parties[most].Inputs)))
		parties = slices.Delete(parties, most, most+1)
	}
}

// Why a transaction is not the one that the user approved. With errTooBig fewer
// inputs would help.
var (
	errTooBig   = errors.New("the transaction is too large")
	errFeeLimit = errors.New("the miner fee is too high")
)

// affordable compares the transaction with the quote: our share of the miner fee
// is at most what the user approved, the whole fee not far below what the size
// needs, and enough for nodes to pass it on at the least rate, in sat/kvB, and
// the transaction small enough to be sent.
func (a *attempt) affordable(pl *plan, tx *txbuild.Tx, makers []txbuild.Maker, least sats.Amount) error {
	share := tx.Fee
	for _, m := range makers {
		share -= m.TxFee
	}
	slack, errSlack := decimal.Floor(a.maxChange, tx.Needed)
	relayed, errSize := txbuild.FeeAt(tx.VSize, least)
	switch {
	case errSlack != nil || errSize != nil:
		return errors.Join(errSlack, errSize)
	case tx.Msg.SerializeSizeStripped() > protocol.MaxTx:
		return fmt.Errorf("%w: %d bytes, %d can be sent", errTooBig, tx.Msg.SerializeSizeStripped(), protocol.MaxTx)
	case tx.Fee < relayed:
		return fmt.Errorf("%w: a fee of %v for a size for which nodes want %v", errTooBig, tx.Fee, relayed)
	case tx.Fee < tx.Needed-slack:
		return fmt.Errorf("%w: a fee of %v for a size that needs %v", errTooBig, tx.Fee, tx.Needed)
	case share > pl.MaxMinerFee && pl.Sweep:
		return fmt.Errorf("%w: %v instead of at most %v, as makers that were to be paid are absent", errFeeLimit, share, pl.MaxMinerFee)
	case share > pl.MaxMinerFee:
		return fmt.Errorf("%w: a miner fee of %v instead of at most %v", errTooBig, share, pl.MaxMinerFee)
	}
	return nil
}

// agreed puts the transaction and who does what in it into the result.
func (a *attempt) agreed(pl *plan, tx *txbuild.Tx, cj txbuild.CoinJoin, parties []party) *join {
	own := Part{Inputs: cj.Inputs, CJOut: pl.destination, Change: txbuild.Output{Value: tx.Change, Script: cj.Change}, TxFee: tx.Fee}
	a.result.MinerFee, a.result.VSize = tx.Fee, tx.VSize
	var others []Part
	for _, p := range parties {
		change, _ := p.ChangeValue(pl.Amount) // verified before
		others = append(others, Part{Nick: p.nick, Inputs: p.Inputs, CJOut: p.CJScript,
			Change: txbuild.Output{Value: change, Script: p.Change}, CJFee: p.Fee, TxFee: p.TxFee})
		own.CJFee -= p.Fee
		own.TxFee -= p.TxFee
	}
	a.result.Parts = append([]Part{own}, others...)
	return &join{Tx: tx, plan: pl, makers: parties}
}
