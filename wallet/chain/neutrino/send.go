package neutrino

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// relayRate is what nodes relay for unless their mempool is full or they were
// told otherwise, in sat/kvB.
const relayRate sats.Amount = 1000

// FeeRate implements chain.Backend. A light client sees too little to estimate.
func (b *Backend) FeeRate(ctx context.Context, target int) (sats.Amount, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("%w: a light client sees no mempool", chain.ErrNoEstimate)
}

// MinFeeRate implements chain.Backend: 1000 sat/kvB always, the default of
// nodes. What full mempools ask for beyond it is not known.
func (b *Backend) MinFeeRate(ctx context.Context) (sats.Amount, error) {
	return relayRate, context.Cause(ctx)
}

// Broadcast implements chain.Backend. The transaction is kept and sent again,
// also by later runs of the program, until it is in a block or cannot get into
// one. Until then it shows as unconfirmed.
//
// One that was sent before is offered again, which takes askTime where the peers
// have it: they do not ask for it.
//
// chain.ErrRejected comes from what is known here, or from peers that say it.
// Those with Bitcoin Core do not: no error means only that it was offered.
func (b *Backend) Broadcast(ctx context.Context, tx *wire.MsgTx) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := blockchain.CheckTransactionSanity(btcutil.NewTx(tx)); err != nil {
		return fmt.Errorf("%w: %w", chain.ErrRejected, err)
	}
	if _, err := b.ready(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	known := b.record.transaction(tx.TxHash())
	err := b.record.check(tx)
	b.mu.Unlock()
	switch {
	case known != nil && known.Block != (chain.BlockID{}):
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", chain.ErrRejected, err)
	case known != nil:
		return b.push(ctx, known.Msg)
	}
	if err := b.startSending(chain.Tx{Msg: tx.Copy(), Time: time.Now()}); err != nil {
		return err
	}
	if err := b.push(ctx, tx); err != nil {
		return err
	}
	b.changed()
	return nil
}

// push offers a transaction that was noted, and forgets it if it is rejected.
func (b *Backend) push(ctx context.Context, tx *wire.MsgTx) error {
	err := b.offer(ctx, tx)
	if !errors.Is(err, chain.ErrRejected) {
		return err
	}
	if err := b.forgetSent(func(*record) []chainhash.Hash { return []chainhash.Hash{tx.TxHash()} }); err != nil {
		return err
	}
	b.changed()
	return err
}

// resend offers again what was sent and is not confirmed.
func (b *Backend) resend() {
	b.mu.Lock()
	pending := b.record.pending()
	b.mu.Unlock()
	for _, tx := range pending {
		b.sendAgain(tx.Msg)
	}
}

// sendAgain offers a transaction that was sent before.
func (b *Backend) sendAgain(tx *wire.MsgTx) {
	err := b.push(b.ctx, tx)
	switch {
	case b.ctx.Err() != nil:
	case errors.Is(err, chain.ErrRejected):
		b.log.Warn("a transaction that was sent earlier is refused now, and forgotten")
	case err != nil:
		b.log.Warn("a transaction that was sent earlier cannot be sent again", "err", err)
	}
}

// check returns why a transaction cannot get into a block, as far as that is
// known: whose coins are not, may be anything.
func (r *record) check(tx *wire.MsgTx) error {
	if r.conflict(tx) != nil {
		return errors.New("another transaction in a block spends a coin of it")
	}
	spent := make(map[wire.OutPoint]*wire.TxOut, len(tx.TxIn))
	var fee int64
	for _, in := range tx.TxIn {
		out := in.PreviousOutPoint
		from := r.transaction(out.Hash)
		if from == nil {
			return nil
		}
		if out.Index >= uint32(len(from.Msg.TxOut)) {
			return errors.New("it spends an output that does not exist")
		}
		spent[out] = from.Msg.TxOut[out.Index]
		fee += spent[out].Value
	}
	for _, out := range tx.TxOut {
		fee -= out.Value
	}
	if fee < 0 {
		return errors.New("it pays more than it spends")
	}
	coins := txscript.NewMultiPrevOutFetcher(spent)
	hashes := txscript.NewTxSigHashes(tx, coins)
	for i, in := range tx.TxIn {
		coin := spent[in.PreviousOutPoint]
		engine, err := txscript.NewEngine(coin.PkScript, tx, i, txscript.StandardVerifyFlags, nil, hashes, coin.Value, coins)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return fmt.Errorf("input %d is not signed rightly: %w", i, err)
		}
	}
	return nil
}
