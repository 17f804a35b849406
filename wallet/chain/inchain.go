package chain

import (
	"context"

	"github.com/btcsuite/btcd/wire/v2"
)

// InChain is a Backend whose node tells the chain apart from its mempool. A light
// client is none.
type InChain interface {
	// HasTxOut reports whether the best chain has an unspent output, whatever the
	// mempool spends.
	HasTxOut(ctx context.Context, out wire.OutPoint) (bool, error)
}
