package chain

import (
	"context"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// ErrNotInMempool: the node's mempool does not have the transaction; it was
// confirmed, evicted, replaced or never seen.
var ErrNotInMempool = errors.New("the transaction is not in the node's mempool")

// Mempool is a Backend whose node tells what unconfirmed transactions pay. A
// light client has no mempool and is none.
type Mempool interface {
	// Unconfirmed returns what the mempool knows of a transaction, or
	// ErrNotInMempool.
	Unconfirmed(ctx context.Context, txid chainhash.Hash) (Unconfirmed, error)
}

// Unconfirmed is a transaction in the mempool among those it hangs together
// with.
type Unconfirmed struct {
	Own         Package // the transaction alone
	Ancestors   Package // it and all unconfirmed ones that it needs
	Descendants Package // it and all that need it
}

// Package is a set of unconfirmed transactions, as sums.
type Package struct {
	Count int
	Fee   sats.Amount
	VSize int64 // vB
}
