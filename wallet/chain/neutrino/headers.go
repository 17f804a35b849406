package neutrino

import (
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// tip is the last block of which the filter header is known too.
func (b *Backend) tip() (chain.Tip, error) {
	best, err := b.service.BestBlock()
	if err != nil {
		return chain.Tip{}, b.broken(err)
	}
	tip := chain.Tip{BlockID: chain.BlockID{Height: best.Height, Hash: best.Hash}}
	var times []time.Time
	for height := best.Height; height >= 0 && len(times) < medianSpan; height-- {
		header, err := b.header(height)
		if err != nil {
			return chain.Tip{}, err
		}
		times = append(times, header.Timestamp)
	}
	slices.SortFunc(times, time.Time.Compare)
	tip.MedianTime = times[len(times)/2]
	return tip, nil
}

// header is that of a block in the best chain, which may change at any time.
func (b *Backend) header(height int32) (*wire.BlockHeader, error) {
	header, err := b.service.BlockHeaders.FetchHeaderByHeight(uint32(height))
	if err != nil {
		return nil, b.broken(err)
	}
	return header, nil
}

// blockAt names the block at a height of the best chain.
func (b *Backend) blockAt(height int32) (chain.BlockID, error) {
	header, err := b.header(height)
	if err != nil {
		return chain.BlockID{}, err
	}
	return chain.BlockID{Height: height, Hash: header.BlockHash()}, nil
}

// inBest reports whether a block is in the best chain.
func (b *Backend) inBest(block chain.BlockID) (bool, error) {
	_, tip, err := b.service.BlockHeaders.ChainTip()
	if err != nil {
		return false, b.broken(err)
	}
	if block.Height < 0 || block.Height > int32(tip) {
		return false, nil
	}
	found, err := b.blockAt(block.Height)
	return found == block, err
}

// heightBefore is chain.HeightBefore.
func (b *Backend) heightBefore(birth time.Time, tip int32) (int32, error) {
	return chain.HeightBefore(birth, tip, func(height int32) (time.Time, error) {
		header, err := b.header(height)
		if err != nil {
			return time.Time{}, err
		}
		return header.Timestamp, nil
	})
}

// fork is the last block of the branch that ends with since which is in the
// best chain; the first block of all if the branch is not known. b.mu is held.
func (b *Backend) fork(since chain.BlockID) (chain.BlockID, error) {
	for since.Height > 0 {
		in, err := b.inBest(since)
		if in || err != nil {
			return since, err
		}
		parent, known := b.left[since.Hash]
		if !known {
			break
		}
		since = parent
	}
	return chain.BlockID{Hash: *b.cfg.Params.GenesisHash}, nil
}

// maxLeft bounds how many blocks of left branches are remembered.
const maxLeft = 10_000

// leave remembers a block that is no longer in the best chain. b.mu is held.
func (b *Backend) leave(block chainhash.Hash, parent chain.BlockID) {
	if len(b.left) >= maxLeft {
		clear(b.left)
	}
	b.left[block] = parent
}

// broken is an error of the database. In the middle of a reorganisation a block
// may be missing for a moment.
func (b *Backend) broken(err error) error {
	if b.ctx.Err() != nil {
		return errClosed
	}
	return fmt.Errorf("%w: the light client's database in %s: %w", chain.ErrUnreachable, b.cfg.Dir, err)
}
