package taker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// maxBondLookups bounds what bonds in the order book can cost our node: beyond
// it they are worth nothing (protocol: fidelity bond announcement).
const maxBondLookups = 1000

// ProvenBond is a fidelity bond whose proof and coin were checked.
type ProvenBond struct {
	OutPoint  wire.OutPoint
	Amount    sats.Amount
	Confirmed time.Time // of the block with the coin
	Locktime  uint32    // Unix time in seconds
	Until     int64     // the last block for which the maker may speak for it
	// Value is what the bond weighs, more than 0; see bond.Rates.
	Value float64
}

// BondCheck says with whose eyes the fidelity bonds of an order book are looked
// at. All fields are required.
type BondCheck struct {
	Nick  protocol.Nick // ours, for which the proofs were made
	Chain chain.Backend
	Rates bond.Rates
}

// Proven verifies the proofs of an order book: signatures for us and for that
// maker, and a coin that our own node knows. What cannot be verified is left
// out, as what is worth nothing (attack T14). A node that gives no answer is an
// error with protocol.ReasonChain; one that can tell nothing of the coins of
// others, chain.ErrCannotVerify.
func (c BondCheck) Proven(ctx context.Context, entries []control.BondEntry) (map[protocol.Nick]ProvenBond, error) {
	proven := map[protocol.Nick]ProvenBond{}
	if len(entries) == 0 {
		return proven, nil
	}
	if _, ok := c.Chain.(chain.BlockTimes); !ok {
		return nil, chain.ErrCannotVerify
	}
	tip, err := c.Chain.Tip(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the height: %w", err)
	}
	looked := map[wire.OutPoint]ProvenBond{} // value 0: worth nothing
	for _, e := range entries {
		proof, err := bond.Parse(e.Proof)
		if err != nil || e.Taker != c.Nick || proof.Verify(string(c.Nick), string(e.Nick)) != nil {
			continue
		}
		b, known := looked[proof.OutPoint]
		if !known && len(looked) < maxBondLookups {
			if b, err = c.lookUp(ctx, proof, tip); err != nil {
				return nil, err
			}
			looked[proof.OutPoint] = b
		}
		if b.Value > 0 {
			b.Until = int64(proof.Expiry) * bond.Period
			proven[e.Nick] = b
		}
	}
	return proven, nil
}

// lookUp asks our node for the coin of a proof; the value is 0 if it is not what
// the proof says.
func (c BondCheck) lookUp(ctx context.Context, proof bond.Proof, tip chain.Tip) (b ProvenBond, err error) {
	txOut, err := c.Chain.TxOut(ctx, proof.OutPoint)
	if errors.Is(err, chain.ErrNoTxOut) {
		return b, nil
	} else if err != nil {
		return b, because(protocol.ReasonChain, fmt.Errorf("looking up a fidelity bond: %w", err))
	}
	coin := bond.Coin{Script: txOut.Script, Confirmations: txOut.Confirmations}
	if proof.CheckCoin(coin, tip.Height) != nil || !txOut.Value.Valid() {
		return b, nil
	}
	confirmed, err := chain.Confirmed(ctx, c.Chain, txOut, tip)
	if err != nil {
		return b, because(protocol.ReasonChain, err)
	}
	return ProvenBond{
		OutPoint: proof.OutPoint, Amount: txOut.Value, Confirmed: confirmed, Locktime: proof.Locktime,
		Value: c.Rates.Value(txOut.Value, confirmed, proof.Locktime, tip.MedianTime),
	}, nil
}

// bonds are those of an order book that count; none where the backend cannot
// tell.
func (a *attempt) bonds(ctx context.Context, entries []control.BondEntry) (map[protocol.Nick]ProvenBond, error) {
	proven, err := BondCheck{Nick: a.cfg.Daemon.Nick(), Chain: a.cfg.Wallet.Chain(), Rates: a.cfg.Bonds}.Proven(ctx, entries)
	if errors.Is(err, chain.ErrCannotVerify) {
		return nil, nil
	}
	return proven, err
}
