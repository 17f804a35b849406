package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// TxOut asks gettxout, the mempool included, and returns chain.ErrNoTxOut if
// there is no such output. btcd still shows one that the mempool spends.
func (c *Client) TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error) {
	var found *struct {
		Confirmations int32
		Value         BTC
		Coinbase      bool
		ScriptPubKey  struct{ Hex Hex }
	}
	err := c.Call(ctx, "gettxout", []any{out.Hash.String(), out.Index, true}, &found)
	if err != nil && !HasCode(err, CodeNotFound) { // which btcd says of some
		return chain.TxOut{}, err
	}
	if found == nil {
		return chain.TxOut{}, chain.ErrNoTxOut
	}
	return chain.TxOut{
		Value:         sats.Amount(found.Value),
		Script:        found.ScriptPubKey.Hex,
		Confirmations: found.Confirmations,
		Coinbase:      found.Coinbase,
	}, nil
}

// HasTxOut asks gettxout without the mempool.
func (c *Client) HasTxOut(ctx context.Context, out wire.OutPoint) (bool, error) {
	var found *struct{}
	err := c.Call(ctx, "gettxout", []any{out.Hash.String(), out.Index, false}, &found)
	if err != nil && !HasCode(err, CodeNotFound) { // which btcd says of some
		return false, err
	}
	return found != nil, nil
}

// Send asks sendrawtransaction. A transaction that the node has already is no
// error; one that it refuses gives chain.ErrRejected with the node's reason.
func (c *Client) Send(ctx context.Context, tx *wire.MsgTx) error {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return err
	}
	err := c.Call(ctx, "sendrawtransaction", []any{hex.EncodeToString(raw.Bytes())}, nil)
	if !HasCode(err, CodeTxError, CodeTxRejected, CodeTxInChain, CodeDecoding) {
		return err
	}
	if has, hasErr := c.has(ctx, tx); hasErr != nil {
		return hasErr
	} else if has {
		return nil
	}
	return fmt.Errorf("%w: %w", chain.ErrRejected, err)
}

// has reports whether the node has a transaction of which an output is unspent.
// The words in which nodes refuse one that they have are many.
func (c *Client) has(ctx context.Context, tx *wire.MsgTx) (bool, error) {
	found := make([]json.RawMessage, len(tx.TxOut))
	queries := make([]*Query, len(tx.TxOut))
	for i := range tx.TxOut {
		queries[i] = &Query{Method: "gettxout", Params: []any{tx.TxID(), i, true}, Result: &found[i]}
	}
	if err := c.Batch(ctx, queries); err != nil {
		return false, err
	}
	for i, q := range queries {
		if q.Err == nil && string(found[i]) != "null" {
			return true, nil
		}
	}
	return false, nil
}
