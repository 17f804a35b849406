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

// ErrAbsurd means that the rate is above the limit the user set.
var ErrAbsurd = errors.New("fee rate above the limit absurd_fee_per_kb")

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
	// Absurd is absurd_fee_per_kb in sat/kvB; 0 for no limit.
	Absurd sats.Amount
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
	if p.Absurd > 0 && drawn > p.Absurd {
		return 0, fmt.Errorf("%w: %d sat/kvB, limit %d", ErrAbsurd, drawn, p.Absurd)
	}
	return drawn, nil
}
