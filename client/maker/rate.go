package maker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// ErrRate: a transaction pays so little for its size that it would keep our
// coins waiting.
var ErrRate = errors.New("the transaction's fee rate is too low")

const (
	// asking is how many questions our node gets at a time.
	asking = 8
	// rateSlack is how much, in percent, the rate may lie below the least: sizes
	// are estimates.
	rateSlack = 2
)

// checkInputs asks our node about every input: ours must be what the wallet
// thinks they are, the others must be there, and together they must pay enough
// for the transaction to be relayed (attacks M17, M21, M28).
func (m *Maker) checkInputs(ctx context.Context, tx *wire.MsgTx, own []coins.Coin) error {
	least, err := m.cfg.Node.MinFeeRate(ctx)
	if err != nil {
		return refuse(protocol.ReasonChain, err)
	}
	least = max(least, m.cfg.MinFeeRate)
	found, err := m.outputs(ctx, tx)
	if err != nil {
		return err
	}
	fee := sats.Amount(0)
	types := func(script []byte) txbuild.ScriptType {
		kind, err := txbuild.TypeOf(script)
		if err != nil || kind == txbuild.P2TR {
			return txbuild.P2WPKH // near enough: such inputs are smaller
		}
		return kind
	}
	var ins, outs []txbuild.ScriptType
	for i, in := range tx.TxIn {
		fee += found[i].Value
		ins = append(ins, types(found[i].Script))
		for _, c := range own {
			if c.OutPoint != in.PreviousOutPoint {
				continue
			}
			if err := sameCoin(found[i], c); err != nil {
				return err
			}
		}
	}
	for _, out := range tx.TxOut {
		fee -= sats.Amount(out.Value)
		kind, err := txbuild.TypeOf(out.PkScript)
		if err != nil {
			return refuse(protocol.ReasonBadTx, err)
		}
		outs = append(outs, kind)
	}
	size, err := txbuild.VSize(ins, outs)
	if err != nil {
		return refuse(protocol.ReasonBadTx, err)
	}
	if rate := fee * 1000 / sats.Amount(size); fee < 0 || rate < least*(100-rateSlack)/100 {
		return refuse(protocol.ReasonBadTx, fmt.Errorf("%w: %d sat/kvB of at least %d", ErrRate, int64(rate), int64(least)))
	}
	return nil
}

// outputs asks our node for what the inputs spend, a few at a time.
func (m *Maker) outputs(ctx context.Context, tx *wire.MsgTx) ([]chain.TxOut, error) {
	found, errs := make([]chain.TxOut, len(tx.TxIn)), make([]error, len(tx.TxIn))
	turns := make(chan struct{}, asking)
	var asked sync.WaitGroup
	for i, in := range tx.TxIn {
		turns <- struct{}{}
		asked.Go(func() {
			found[i], errs[i] = m.cfg.Node.TxOut(ctx, in.PreviousOutPoint)
			<-turns
		})
	}
	asked.Wait()
	for _, err := range errs {
		switch {
		case errors.Is(err, chain.ErrNoTxOut):
			return nil, refuse(protocol.ReasonBadCoins, err)
		case err != nil:
			return nil, refuse(protocol.ReasonChain, err)
		}
	}
	return found, nil
}

// sameCoin compares a coin of ours with what the node says of it.
func sameCoin(out chain.TxOut, c coins.Coin) error {
	if out.Confirmations < 1 || out.Value != c.Value || !bytes.Equal(out.Script, c.Script) {
		return refuse(protocol.ReasonBadCoins, errors.New("the node describes a coin otherwise than the wallet"))
	}
	return nil
}
