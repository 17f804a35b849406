package taker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// blockTimes tells when bonds were confirmed; the backends of full nodes do.
// Without it no bond is worth anything.
type blockTimes interface {
	// BlockTime is the time in the header of the block at a height of the best
	// chain.
	BlockTime(ctx context.Context, height int32) (time.Time, error)
}

// maxBondLookups bounds what bonds in the order book can cost our node: beyond
// it they are worth nothing (protocol: fidelity bond announcement).
const maxBondLookups = 1000

// provenBond is a bond whose proof and coin were checked.
type provenBond struct {
	coin  wire.OutPoint
	value float64
}

// bonds verifies the proofs of an order book: signatures for us and for that
// maker, and a coin that our own node knows. What cannot be verified is worth
// nothing (attack T14). A node that gives no answer is an error.
func (a *attempt) bonds(ctx context.Context, entries []control.BondEntry) (map[protocol.Nick]provenBond, error) {
	times, ok := a.cfg.Wallet.Chain().(blockTimes)
	if !ok || len(entries) == 0 {
		return nil, nil
	}
	tip, err := a.cfg.Wallet.Chain().Tip(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the height: %w", err)
	}
	us := a.cfg.Daemon.Nick()
	worth := map[wire.OutPoint]float64{} // of the coins that were looked up
	proven := map[protocol.Nick]provenBond{}
	for _, e := range entries {
		proof, err := bond.Parse(e.Proof)
		if err != nil || e.Taker != us || proof.Verify(string(us), string(e.Nick)) != nil {
			continue
		}
		value, known := worth[proof.OutPoint]
		if !known && len(worth) < maxBondLookups {
			if value, err = a.bondValue(ctx, times, proof, tip); err != nil {
				return nil, err
			}
			worth[proof.OutPoint] = value
		}
		if value > 0 {
			proven[e.Nick] = provenBond{proof.OutPoint, value}
		}
	}
	return proven, nil
}

// bondValue asks our node for the coin of a proof; 0 if it is not what the proof
// says.
func (a *attempt) bondValue(ctx context.Context, times blockTimes, proof bond.Proof, tip chain.Tip) (float64, error) {
	txOut, err := a.cfg.Wallet.Chain().TxOut(ctx, proof.OutPoint)
	if errors.Is(err, chain.ErrNoTxOut) {
		return 0, nil
	} else if err != nil {
		return 0, because(protocol.ReasonChain, fmt.Errorf("looking up a fidelity bond: %w", err))
	}
	coin := bond.Coin{Script: txOut.Script, Confirmations: txOut.Confirmations}
	if proof.CheckCoin(coin, tip.Height) != nil || !txOut.Value.Valid() {
		return 0, nil
	}
	height := tip.Height - txOut.Confirmations + 1
	confirmed, err := times.BlockTime(ctx, height)
	if err != nil {
		return 0, because(protocol.ReasonChain, fmt.Errorf("asking for the time of block %d: %w", height, err))
	}
	return a.cfg.Bonds.Value(txOut.Value, confirmed, proof.Locktime, tip.MedianTime), nil
}
