// Package history holds the transactions that concern a wallet, each with the
// block it is in, and says which outputs are left.
//
// It is the only place that knows what a reorganisation or an eviction does to
// coins: since everything is computed from the transactions that exist now,
// coins of a vanished transaction vanish, and those it spent come back.
package history

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// History is a set of transactions that do not contradict each other. It is
// never changed: Apply returns a new one. The zero value is empty.
type History struct {
	txs []entry // in the order of the chain, unconfirmed ones last
}

type entry struct {
	chain.Tx
	id chainhash.Hash
}

// height of the block; 0 while unconfirmed.
func (e entry) height() int32 { return e.Block.Height }

// Output is an output of one of the transactions.
type Output struct {
	wire.OutPoint
	*wire.TxOut
	Height   int32 // of the block; 0 while unconfirmed
	Coinbase bool  // created by a block
}

// Apply returns the history after an update of the chain: what was confirmed
// up to the fork, then what the update reports. All else is gone, be it in
// blocks that left the chain or unconfirmed and not reported again.
func (h History) Apply(u chain.Update) History {
	next := History{txs: make([]entry, 0, len(h.txs)+len(u.Txs))}
	seen := make(map[chainhash.Hash]bool, cap(next.txs))
	for _, e := range h.txs {
		if e.height() > 0 && e.height() <= u.Fork.Height {
			seen[e.id] = true
			next.txs = append(next.txs, e)
		}
	}
	for _, tx := range u.Txs {
		if id := tx.Msg.TxHash(); !seen[id] {
			seen[id] = true
			next.txs = append(next.txs, entry{tx, id})
		}
	}
	return next
}

// Outputs calls each with every output of every transaction, spent or not, in
// the order of the chain.
func (h History) Outputs(each func(Output)) {
	for _, e := range h.txs {
		coinbase := isCoinbase(e.Msg)
		for i, out := range e.Msg.TxOut {
			each(Output{wire.OutPoint{Hash: e.id, Index: uint32(i)}, out, e.height(), coinbase})
		}
	}
}

// Spent returns the outputs that the transactions spend, confirmed or not.
func (h History) Spent() map[wire.OutPoint]bool {
	spent := make(map[wire.OutPoint]bool)
	for _, e := range h.txs {
		for _, in := range e.Msg.TxIn {
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
