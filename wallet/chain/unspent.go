package chain

import (
	"context"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Scanner is a Backend that finds coins without their history, which takes
// minutes where the history takes hours.
type Scanner interface {
	// Scan looks through all unspent outputs of the best chain, not of the
	// mempool, for the first Count scripts of each branch. Nothing is watched
	// because of it.
	Scan(ctx context.Context, branches []Branch) (Found, error)
}

// Found are the unspent outputs of the wallet at one moment of the best chain.
type Found struct {
	Tip   BlockID
	Coins []FoundCoin
}

// FoundCoin is an unspent output that pays the script of a branch at an index.
type FoundCoin struct {
	wire.OutPoint
	Value    sats.Amount
	Height   int32 // of its block
	Coinbase bool
	Branch   int // number of the branch among those that were asked for
	Index    uint32
}
