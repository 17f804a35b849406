package chain

import (
	"context"
	"fmt"
	"time"
)

// BlockTimes is a Backend whose node tells when blocks were made. A light client
// is none.
type BlockTimes interface {
	// BlockTime is the time in the header of the block at a height of the best
	// chain.
	BlockTime(ctx context.Context, height int32) (time.Time, error)
}

// Confirmed is the time of the block with a coin, when the chain ends at tip; the
// zero time while it is unconfirmed. The error is ErrCannotVerify where b is no
// BlockTimes.
func Confirmed(ctx context.Context, b Backend, coin TxOut, tip Tip) (time.Time, error) {
	times, ok := b.(BlockTimes)
	if !ok {
		return time.Time{}, ErrCannotVerify
	}
	if coin.Confirmations < 1 {
		return time.Time{}, nil
	}
	height := tip.Height - coin.Confirmations + 1
	at, err := times.BlockTime(ctx, height)
	if err != nil {
		return time.Time{}, fmt.Errorf("asking for the time of block %d: %w", height, err)
	}
	return at, nil
}
