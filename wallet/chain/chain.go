// Package chain says what the wallet asks of a block chain. A backend answers
// from a node; there is one subpackage for each. A backend holds no secret and
// decides nothing: it reports what its node believes.
//
// Unknown is never zero: when the node cannot answer, the error says so, and
// the caller keeps what it knew.
package chain

import (
	"context"
	"errors"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Errors that every backend gives, wrapped with what happened and what to do.
var (
	// ErrUnreachable: the node does not answer, refuses the credentials or is
	// starting up. Try again later.
	ErrUnreachable = errors.New("the node cannot be reached")
	// ErrWrongNetwork: the node follows another network than the wallet.
	ErrWrongNetwork = errors.New("the node is on another network")
	// ErrNoTxOut: the output is spent (a spend in the mempool counts) or was
	// never seen.
	ErrNoTxOut = errors.New("no such unspent output")
	// ErrNoEstimate: the node has no fee estimate.
	ErrNoEstimate = errors.New("the node has no fee estimate")
	// ErrPruned: the node has deleted blocks in which history has to be found.
	ErrPruned = errors.New("the node has deleted old blocks")
	// ErrCannotVerify: the backend cannot check other people's coins, as a
	// light client cannot. Asking again is useless; no CoinJoin is possible.
	ErrCannotVerify = errors.New("this backend cannot check other people's coins")
	// ErrRejected: the node refuses the transaction; trying again with the
	// same transaction is useless.
	ErrRejected = errors.New("the node rejected the transaction")
)

// BlockID names a block in the best chain.
type BlockID struct {
	Height int32
	Hash   chainhash.Hash
}

// Tip is the end of the best chain.
type Tip struct {
	BlockID
	MedianTime time.Time // median of the last eleven block times (BIP 113)
}

// TxOut is an unspent output as the node sees it now, its mempool included.
type TxOut struct {
	Value         sats.Amount
	Script        []byte
	Confirmations int32 // 0 while in the mempool
	Coinbase      bool
}

// Tx is a transaction that pays or spends a watched script.
type Tx struct {
	Msg   *wire.MsgTx
	Block BlockID   // zero while unconfirmed
	Time  time.Time // of the block, or when first seen
}

// Branch is a run of addresses the wallet owns: indices 0..Count-1.
type Branch struct {
	// Descriptor is the ranged public output descriptor without checksum,
	// such as wpkh([d34db33f/84h/1h/0h]tpub.../0/*). It is empty for scripts
	// that no descriptor has a word for, such as timelocked ones: these are
	// watched one by one, and the branch is told from others by the first.
	Descriptor string
	// Script derives the output script at an index; same scripts as
	// Descriptor.
	Script func(index uint32) ([]byte, error)
	// Count is how many indices from 0 on are watched.
	Count uint32
	// Birth is a time before which none of the scripts was used.
	Birth time.Time
}

// Update is what changed since the block given to Sync.
type Update struct {
	Tip Tip
	// Fork is the last block of the previous state that is still in the best
	// chain: the first block of all if there was no previous state, or if the
	// node does not know it. What was confirmed above it is no longer
	// confirmed, unless it comes again in Txs.
	Fork BlockID
	// Txs are the relevant transactions confirmed above Fork, in the order of
	// the chain, then all that are in the mempool now. A transaction that was
	// unconfirmed before and is not among them was evicted or replaced. Some
	// may turn out to be irrelevant, where a node's wallet has other scripts
	// as well.
	Txs []Tx
}

// Backend is a node.
//
// All methods are safe for use from several goroutines, honour the context and
// have a time limit of their own.
type Backend interface {
	// Tip returns the end of the best chain.
	Tip(ctx context.Context) (Tip, error)
	// Watch makes the backend notice transactions of these branches, in
	// addition to those it watches already. Growing a Count is cheap.
	// History of newly watched scripts is found by the next Sync from a block
	// before their Birth.
	Watch(ctx context.Context, branches []Branch) error
	// Sync reports everything relevant after the block since (the zero
	// BlockID: from the first Birth on). since may have left the best chain.
	Sync(ctx context.Context, since BlockID) (Update, error)
	// Changes delivers a value after a block or a possibly relevant
	// transaction has come; values may be merged. It is never closed.
	Changes() <-chan struct{}
	// TxOut returns an unspent output, ErrNoTxOut or ErrCannotVerify.
	TxOut(ctx context.Context, out wire.OutPoint) (TxOut, error)
	// FeeRate estimates the rate to confirm within target blocks (1..1008),
	// in sat/kvB, or ErrNoEstimate. MinFeeRate is what the mempool takes now.
	FeeRate(ctx context.Context, target int) (sats.Amount, error)
	MinFeeRate(ctx context.Context) (sats.Amount, error)
	// Broadcast hands a signed transaction to the network. One that the node
	// already has is no error.
	Broadcast(ctx context.Context, tx *wire.MsgTx) error
	// Close ends the backend's connections.
	Close() error
}
