// Package history holds the transactions that concern a wallet, each with the
// block it is in, and says which outputs are left.
//
// It is the only place that knows what a reorganisation or an eviction does to
// coins: since everything is computed from the transactions that exist now,
// coins of a vanished transaction vanish, and those it spent come back.
package history

import (
	"iter"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// History is a set of transactions that do not contradict each other. It is
// never changed: Apply returns a new one. The zero value is empty.
type History struct {
	txs []Tx // in the order of the chain, unconfirmed ones last
}

// Tx is one of the transactions; it must not be changed.
type Tx struct {
	chain.Tx
	ID chainhash.Hash
}

// Height of the block; 0 while unconfirmed.
func (t Tx) Height() int32 { return t.Block.Height }

// Output is an output of one of the transactions.
type Output struct {
	wire.OutPoint
	*wire.TxOut
	Height   int32 // of the block; 0 while unconfirmed
	Coinbase bool  // created by a block
}

// Of returns the history of transactions that do not contradict each other, in
// the order of the chain, unconfirmed ones last. It keeps the slice.
func Of(txs []Tx) History { return History{txs} }

// Apply returns the history after an update of the chain: what was confirmed
// up to the fork, then what the update reports. All else is gone, be it in
// blocks that left the chain or unconfirmed and not reported again.
func (h History) Apply(u chain.Update) History {
	next := History{txs: make([]Tx, 0, len(h.txs)+len(u.Txs))}
	seen := make(map[chainhash.Hash]bool, cap(next.txs))
	for _, tx := range h.txs {
		if tx.Height() > 0 && tx.Height() <= u.Fork.Height {
			seen[tx.ID] = true
			next.txs = append(next.txs, tx)
		}
	}
	for _, tx := range u.Txs {
		if id := tx.Msg.TxHash(); !seen[id] {
			seen[id] = true
			next.txs = append(next.txs, Tx{tx, id})
		}
	}
	return next
}

// All yields the transactions in the order of the chain, unconfirmed ones last.
func (h History) All() iter.Seq[Tx] { return slices.Values(h.txs) }

// Outputs calls each with every output of every transaction, spent or not, in
// the order of the chain.
func (h History) Outputs(each func(Output)) {
	for _, tx := range h.txs {
		coinbase := isCoinbase(tx.Msg)
		for i, out := range tx.Msg.TxOut {
			each(Output{wire.OutPoint{Hash: tx.ID, Index: uint32(i)}, out, tx.Height(), coinbase})
		}
	}
}

// Spent returns the outputs that the transactions spend, confirmed or not.
func (h History) Spent() map[wire.OutPoint]bool {
	spent := make(map[wire.OutPoint]bool)
	for _, tx := range h.txs {
		for _, in := range tx.Msg.TxIn {
			spent[in.PreviousOutPoint] = true
		}
	}
	return spent
}

// Len is the number of transactions.
func (h History) Len() int { return len(h.txs) }

// isCoinbase reports whether a block created the transaction: its one input
// names no output.
func isCoinbase(tx *wire.MsgTx) bool {
	return len(tx.TxIn) == 1 && tx.TxIn[0].PreviousOutPoint == wire.OutPoint{Index: wire.MaxPrevOutIndex}
}
