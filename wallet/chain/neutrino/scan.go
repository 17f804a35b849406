package neutrino

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/gcs"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	light "github.com/lightninglabs/neutrino"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/filters"
)

const (
	// filterBatch is how many blocks' filters are asked for at once, 6 MB on
	// mainnet: the library gives a peer 30 s for them, which must suffice
	// through Tor.
	filterBatch = 250
	// fetchTries bounds how often a filter or a block is asked for. The library
	// asks several peers each time.
	fetchTries = 3
)

// scan reads the blocks after one, through a height, that may touch a script.
// It passes on what it found batch by batch, with the hashes of all the blocks,
// or returns errMoved.
func (b *Backend) scan(ctx context.Context, after chain.BlockID, through int32, scripts *filters.Set,
	done func(blocks []chainhash.Hash, txs []found) error) error {
	var blocks []chainhash.Hash
	var txs []found
	if after.Height < through {
		b.searching.Begin(searching, int64(min(after.Height, b.record.from)), int64(after.Height), int64(through))
		defer b.searching.End()
	}
	for last := after; last.Height < through; {
		header, err := b.header(last.Height + 1)
		if err != nil || header.PrevBlock != last.Hash {
			if in, inErr := b.inBest(last); inErr == nil && !in {
				return errMoved
			}
			return errors.Join(err, errMoved)
		}
		last = chain.BlockID{Height: last.Height + 1, Hash: header.BlockHash()}
		chosen, err := b.choose(ctx, last, scripts.List())
		if err != nil {
			return err
		}
		if chosen {
			found, err := b.readBlock(ctx, last, scripts)
			if err != nil {
				return err
			}
			txs = append(txs, found...)
		}
		blocks = append(blocks, last.Hash)
		if len(blocks) == filterBatch || last.Height == through {
			if err := done(blocks, txs); err != nil {
				return err
			}
			blocks, txs = nil, nil
		}
		b.searching.At(int64(last.Height))
	}
	return nil
}

// choose tells whether a block may touch one of the scripts.
func (b *Backend) choose(ctx context.Context, block chain.BlockID, scripts [][]byte) (bool, error) {
	filter, err := fetch(ctx, b, block, "filter", func() (*gcs.Filter, error) {
		return b.service.GetCFilter(block.Hash, wire.GCSFilterRegular, light.OptimisticBatch(), light.MaxBatchSize(filterBatch))
	})
	if err != nil {
		return false, err
	}
	chosen, err := filters.MatchParsed(filter, block.Hash, scripts)
	return chosen || err != nil, nil // a filter that makes no sense rules nothing out
}

// readBlock returns the transactions of a block that touch a script.
func (b *Backend) readBlock(ctx context.Context, id chain.BlockID, scripts *filters.Set) ([]found, error) {
	block, err := fetch(ctx, b, id, "block", func() (*btcutil.Block, error) { return b.service.GetBlock(id.Hash) })
	if err != nil {
		return nil, err
	}
	var txs []found
	for i, tx := range block.MsgBlock().Transactions {
		if scripts.Relevant(tx) {
			at := chain.Tx{Msg: tx, Block: id, Time: block.MsgBlock().Header.Timestamp}
			txs = append(txs, found{Tx: at, position: int32(i)})
		}
	}
	return txs, nil
}

// fetch asks the peers for something of a block, several times.
func fetch[T any](ctx context.Context, b *Backend, block chain.BlockID, what string, call func() (T, error)) (value T, err error) {
	for range fetchTries {
		value, err = await(ctx, b, call)
		if err == nil || ctx.Err() != nil || errors.Is(err, errClosed) {
			return value, err
		}
		if in, err := b.inBest(block); err != nil {
			return value, err
		} else if !in {
			return value, errMoved
		}
		if _, err := b.ready(ctx); err != nil {
			return value, err
		}
	}
	return value, fmt.Errorf("%w: the peers do not give the %s of block %d: %w", chain.ErrUnreachable, what, block.Height, err)
}
