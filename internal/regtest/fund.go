package regtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

const (
	// feeRate of payments in satoshis per virtual byte.
	feeRate = 2
	// Sizes of parts of a payment in virtual bytes, rounded up (BIP 141).
	baseSize, inputSize, outputSize = 12, 69, 43
	// dust is change that is left to the miner, in satoshis.
	dust = 1000
	// maxBlocks bounds how many blocks Fund mines: the subsidy dwindles.
	maxBlocks = 1000
)

// coin is an output that the node's key can spend.
type coin struct {
	wire.OutPoint
	*wire.TxOut
	ripe int32 // height of the tip from which on it may be spent
}

// Fund pays outputs from block subsidies and returns the transaction, which
// waits in the mempool. It mines as many blocks as it needs beforehand.
func (n *Node) Fund(ctx context.Context, outputs ...*wire.TxOut) (*wire.MsgTx, error) {
	tx, err := n.Payment(ctx, outputs...)
	if err != nil {
		return nil, err
	}
	return tx, n.client.Send(ctx, tx)
}

// Payment is Fund without sending: the transaction may go into a block that the
// caller makes.
func (n *Node) Payment(ctx context.Context, outputs ...*wire.TxOut) (*wire.MsgTx, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tx := wire.NewMsgTx(2)
	need := int64(feeRate * (baseSize + outputSize*(len(outputs)+1)))
	for _, out := range outputs {
		tx.AddTxOut(out)
		need += out.Value
	}
	var spent []coin
	var have int64
	for mined := 0; have < need; {
		c, ok, err := n.takeCoin(ctx)
		if err != nil {
			return nil, err
		}
		if ok {
			spent = append(spent, c)
			tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
			have += c.Value - feeRate*inputSize
			continue
		}
		if mined++; mined > maxBlocks {
			return nil, errors.New("too few block subsidies to pay from")
		}
		if _, err := n.mine(ctx, 1); err != nil {
			return nil, err
		}
	}
	if change := have - need; change > dust {
		tx.AddTxOut(wire.NewTxOut(change, n.script()))
	}
	return tx, n.sign(tx, spent)
}

// takeCoin removes and returns the oldest coin that can be spent now; ok is
// false if there is none. Coins of a branch that was left are dropped.
func (n *Node) takeCoin(ctx context.Context) (c coin, ok bool, err error) {
	info, err := n.client.ChainInfo(ctx)
	if err != nil {
		return c, false, err
	}
	for i := 0; i < len(n.coins); {
		if n.coins[i].ripe > info.Blocks {
			i++
			continue
		}
		c = n.coins[i]
		n.coins = append(n.coins[:i], n.coins[i+1:]...)
		var unspent json.RawMessage
		if err := n.client.Call(ctx, "gettxout", []any{c.Hash.String(), c.Index}, &unspent); err != nil {
			return c, false, err
		}
		if string(unspent) != "null" {
			return c, true, nil
		}
	}
	return c, false, nil
}

// earn notes what a new block pays to the node's key.
func (n *Node) earn(block *wire.MsgBlock, height int32) {
	for i, tx := range block.Transactions {
		ripe := height
		if i == 0 {
			// The block that spends a coinbase is at least this many above.
			ripe += int32(Params.CoinbaseMaturity) - 1
		}
		id := tx.TxHash()
		for j, out := range tx.TxOut {
			if bytes.Equal(out.PkScript, n.script()) {
				n.coins = append(n.coins, coin{*wire.NewOutPoint(&id, uint32(j)), out, ripe})
			}
		}
	}
}

// script pays to the node's key (P2WPKH).
func (n *Node) script() []byte {
	hash := address.Hash160(n.key.PubKey().SerializeCompressed())
	return append([]byte{txscript.OP_0, byte(len(hash))}, hash...)
}

func (n *Node) sign(tx *wire.MsgTx, spent []coin) error {
	previous := make(map[wire.OutPoint]*wire.TxOut, len(spent))
	for _, c := range spent {
		previous[c.OutPoint] = c.TxOut
	}
	hashes := txscript.NewTxSigHashes(tx, txscript.NewMultiPrevOutFetcher(previous))
	for i, c := range spent {
		witness, err := txscript.WitnessSignature(tx, hashes, i, c.Value, c.PkScript,
			txscript.SigHashAll, n.key, true)
		if err != nil {
			return err
		}
		tx.TxIn[i].Witness = witness
	}
	return nil
}
