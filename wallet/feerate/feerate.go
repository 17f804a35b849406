// Package feerate decides what a transaction pays for its size.
package feerate

import (
	"context"
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

var (
	// ErrAbsurd means that the rate is above the limit the user set.
	ErrAbsurd = errors.New("fee rate above the limit absurd_fee_per_kb")
	// ErrTooLow means that the node's mempool does not take the rate that the
	// user asked for.
	ErrTooLow = errors.New("fee rate below what the node takes now")
)

// MaxTarget is the greatest TxFees that is a block target; above it is a rate.
const MaxTarget = 1000

// Policy is how the user wants to pay, in the words of the configuration file.
type Policy struct {
	// TxFees is tx_fees: 1..MaxTarget asks the node for a rate to confirm
	// within that many blocks; above it is a rate in sat/kvB.
	TxFees int64
	// Factor is tx_fees_factor, decimal: the rate r is drawn from [r, r(1+f)],
	// so that transactions of one wallet do not show the same rate.
	Factor string
	// Rate in sat/kvB, if it is not 0, is taken to the satoshi in place of what
	// TxFees and Factor lead to.
	Rate sats.Amount
	// Absurd is absurd_fee_per_kb in sat/kvB; 0 for no limit.
	Absurd sats.Amount
	// Share is the most that a fee may be of the amount it moves, in percent; 0
	// for no limit.
	Share int64
	// Max, if it is not 0, is the most that a fee may be, in place of Share.
	Max sats.Amount
}

// Node answers about fees; chain.Backend does.
type Node interface {
	FeeRate(ctx context.Context, target int) (sats.Amount, error)
	MinFeeRate(ctx context.Context) (sats.Amount, error)
}

// Draw returns a rate in sat/kvB, at least what the node's mempool takes now.
// Draw once for a transaction: two draws differ. Without an answer of the node
// there is no rate but an error (chain.ErrNoEstimate, chain.ErrUnreachable): a
// guess could cost too much or never confirm, and the user can set one.
func (p Policy) Draw(ctx context.Context, node Node) (sats.Amount, error) {
	if p.Rate != 0 {
		return p.exact(ctx, node)
	}
	factor, err := decimal.Parse(p.Factor)
	if err != nil {
		return 0, fmt.Errorf("tx_fees_factor %q: %w", p.Factor, err)
	}
	if p.TxFees < 1 || !sats.Amount(p.TxFees).Valid() {
		return 0, fmt.Errorf("tx_fees %d: %w", p.TxFees, sats.ErrRange)
	}
	floor, err := node.MinFeeRate(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking for the least fee rate: %w", err)
	}
	rate := sats.Amount(p.TxFees)
	if p.TxFees <= MaxTarget {
		if rate, err = node.FeeRate(ctx, int(p.TxFees)); err != nil {
			return 0, fmt.Errorf("asking for a fee rate: %w (set tx_fees to a rate in sat/kvB to go on without)", err)
		}
	}
	drawn := sats.Amount(0)
	for _, base := range []sats.Amount{rate, floor} {
		span, err := decimal.Floor(factor, base)
		if err != nil {
			return 0, fmt.Errorf("tx_fees_factor %q: %w", p.Factor, err)
		}
		if drawn = base + random.N(span+1); drawn >= floor {
			break
		}
	}
	if err := p.checkRate(drawn); err != nil {
		return 0, err
	}
	return drawn, nil
}

// exact is Draw for a rate that the user named. It is not raised to what the
// node takes: that would cost more than was agreed to.
func (p Policy) exact(ctx context.Context, node Node) (sats.Amount, error) {
	if !p.Rate.Valid() {
		return 0, fmt.Errorf("fee rate %d sat/kvB: %w", int64(p.Rate), sats.ErrRange)
	}
	floor, err := node.MinFeeRate(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking for the least fee rate: %w", err)
	}
	if p.Rate < floor {
		return 0, fmt.Errorf("%w: %s, least is %s", ErrTooLow, sats.FeeRate(p.Rate), sats.FeeRate(floor))
	}
	if err := p.checkRate(p.Rate); err != nil {
		return 0, err
	}
	return p.Rate, nil
}
