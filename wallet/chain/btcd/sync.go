package btcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/filters"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

const (
	// syncTries bounds how often Sync goes on after the chain changed while it
	// was reading.
	syncTries = 10
	// filterBatch is how many blocks' filters are asked for at once. With the
	// largest of them the reply has some 20 MB.
	filterBatch = 100
	// progressEvery is how often the progress of a long Sync is logged.
	progressEvery = 10 * time.Second
)

// errMoved: the best chain changed between two questions.
var errMoved = errors.New("the chain changes faster than it can be read")

// Sync implements chain.Backend. It reads the filters of all blocks above
// since; from the zero BlockID on, those from the first Birth on, which may
// take minutes. Progress is logged.
func (b *Backend) Sync(ctx context.Context, since chain.BlockID) (update chain.Update, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return chain.Update{}, err
	}
	var scan scan
	for range syncTries {
		update, err = b.sync(ctx, since, &scan)
		if !errors.Is(err, errMoved) {
			return update, err
		}
	}
	return chain.Update{}, fmt.Errorf("%w: %w", chain.ErrUnreachable, err)
}

// scan is how far a Sync is.
type scan struct {
	fork chain.BlockID
	to   chain.BlockID // what is scanned up to; zero at first
	txs  []chain.Tx
}

// sync goes on with a scan. It returns errMoved if there is more to do.
func (b *Backend) sync(ctx context.Context, since chain.BlockID, s *scan) (chain.Update, error) {
	info, err := b.node.ChainInfo(ctx)
	if err != nil {
		return chain.Update{}, err
	}
	tip := info.Tip()
	in := false
	if s.to != (chain.BlockID{}) {
		if in, err = b.node.InBestChain(ctx, s.to); err != nil {
			return chain.Update{}, err
		}
	}
	if !in {
		if *s, err = b.begin(ctx, since, tip); err != nil {
			return chain.Update{}, err
		}
	}
	if err := b.scanTo(ctx, s, tip, info); err != nil {
		return chain.Update{}, err
	}
	pending, err := b.readMempool(ctx)
	if err != nil {
		return chain.Update{}, err
	}
	// What left the mempool meanwhile may be in a block since.
	var best chainhash.Hash
	if err := b.node.Call(ctx, "getbestblockhash", nil, &best); err != nil {
		return chain.Update{}, err
	}
	if best != tip.Hash {
		return chain.Update{}, errMoved
	}
	// The mempool is cleared a moment after the tip has changed.
	confirmed := make(map[chainhash.Hash]bool, len(s.txs))
	for _, tx := range s.txs {
		confirmed[tx.Msg.TxHash()] = true
	}
	pending = slices.DeleteFunc(pending, func(tx chain.Tx) bool { return confirmed[tx.Msg.TxHash()] })
	return chain.Update{Tip: tip, Fork: s.fork, Txs: append(s.txs, pending...)}, nil
}

// begin finds where a scan starts.
func (b *Backend) begin(ctx context.Context, since chain.BlockID, tip chain.Tip) (scan, error) {
	fork, err := b.node.Fork(ctx, since, b.cfg.Params)
	if err != nil || fork.Height > 0 {
		return scan{fork: fork, to: fork}, err
	}
	_, birth := b.scripts.List()
	height, err := b.node.HeightBefore(ctx, birth, tip.Height)
	if err != nil {
		return scan{}, err
	}
	hash, err := b.node.BlockHash(ctx, height)
	return scan{fork: fork, to: chain.BlockID{Height: height, Hash: hash}}, err
}

// scanTo reads the blocks up to the tip.
func (b *Backend) scanTo(ctx context.Context, s *scan, tip chain.Tip, info rpc.ChainInfo) error {
	next := time.Now().Add(progressEvery)
	for s.to.Height < tip.Height {
		hashes, err := b.hashes(ctx, s.to.Height+1, min(tip.Height, s.to.Height+filterBatch))
		if err != nil {
			return err
		}
		chosen, err := b.choose(ctx, hashes)
		if err != nil {
			return err
		}
		for i, hash := range hashes {
			id := chain.BlockID{Height: s.to.Height + 1, Hash: hash}
			if chosen[i] {
				txs, err := b.readBlock(ctx, id, info)
				if err != nil {
					return err
				}
				s.txs = append(s.txs, txs...)
			}
			s.to = id
		}
		if now := time.Now(); now.After(next) {
			b.log.Info("searching the chain for the wallet's history", "block", s.to.Height, "of", tip.Height)
			next = now.Add(progressEvery)
		}
	}
	if s.to != tip.BlockID {
		return errMoved
	}
	return nil
}

// hashes returns those of the blocks from..to in the best chain.
func (b *Backend) hashes(ctx context.Context, from, to int32) ([]chainhash.Hash, error) {
	hashes := make([]chainhash.Hash, to-from+1)
	queries := make([]*rpc.Query, len(hashes))
	for i := range hashes {
		queries[i] = &rpc.Query{Method: "getblockhash", Params: []any{from + int32(i)}, Result: &hashes[i]}
	}
	if err := b.node.Batch(ctx, queries); err != nil {
		return nil, err
	}
	for _, q := range queries {
		if q.Err != nil {
			return nil, errMoved // shorter now
		}
	}
	return hashes, nil
}

// choose tells the blocks which may touch a watched script.
func (b *Backend) choose(ctx context.Context, hashes []chainhash.Hash) ([]bool, error) {
	raw := make([]rpc.Hex, len(hashes))
	queries := make([]*rpc.Query, len(hashes))
	for i, hash := range hashes {
		queries[i] = &rpc.Query{Method: "getcfilter", Params: []any{hash.String(), wire.GCSFilterRegular}, Result: &raw[i]}
	}
	if err := b.node.Batch(ctx, queries); err != nil {
		return nil, err
	}
	scripts, _ := b.scripts.List()
	chosen := make([]bool, len(hashes))
	for i, q := range queries {
		if q.Err != nil {
			return nil, fmt.Errorf("no filter of block %s: if the node runs with nocfilters, remove that from its configuration: %w",
				hashes[i], q.Err)
		}
		var err error
		if chosen[i], err = filters.Match(raw[i], hashes[i], scripts); err != nil {
			return nil, fmt.Errorf("%w: filter of block %s: %w", chain.ErrUnreachable, hashes[i], err)
		}
	}
	return chosen, nil
}

// readBlock returns the relevant transactions of a block.
func (b *Backend) readBlock(ctx context.Context, id chain.BlockID, info rpc.ChainInfo) ([]chain.Tx, error) {
	var raw rpc.Hex
	if err := b.node.Call(ctx, "getblock", []any{id.Hash.String(), 0}, &raw); err != nil {
		if info.Pruned && rpc.HasCode(err, rpc.CodeNotFound) {
			return nil, fmt.Errorf("%w: block %d, which may be part of the wallet's history, is gone: use a node that is not pruned: %w",
				chain.ErrPruned, id.Height, err)
		}
		return nil, err
	}
	var block wire.MsgBlock
	if err := block.Deserialize(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("%w: block %s: %w", chain.ErrUnreachable, id.Hash, err)
	}
	if block.BlockHash() != id.Hash {
		return nil, fmt.Errorf("%w: getblock: the node gives another block", chain.ErrUnreachable)
	}
	var txs []chain.Tx
	for _, tx := range block.Transactions {
		if b.scripts.Relevant(tx) {
			txs = append(txs, chain.Tx{Msg: tx, Block: id, Time: block.Header.Timestamp})
		}
	}
	return txs, nil
}
