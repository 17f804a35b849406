package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

const (
	// syncTries bounds how often Sync begins anew because the chain changed
	// while it was reading.
	syncTries = 10
	// batch is how many transactions are asked for at once.
	batch = 100
)

// errMoved: the best chain changed between two questions.
var errMoved = errors.New("the chain changes faster than it can be read")

// Sync implements chain.Backend. The first one after a Watch takes as long as
// the node needs to search its blocks since the birth of the branches: hours,
// which are shorter with blockfilterindex=1 in the node's configuration.
// Progress is logged. When ctx ends, the node's search is called off.
func (b *Backend) Sync(ctx context.Context, since chain.BlockID) (update chain.Update, err error) {
	defer b.note(&err)
	if err := b.acquire(ctx); err != nil {
		return chain.Update{}, err
	}
	defer b.release()
	for range syncTries {
		update, err = b.sync(ctx, since)
		switch {
		case errors.Is(err, errMoved):
		case rpc.HasCode(err, rpc.CodeNoWallet): // unloaded meanwhile
			b.watched.open = false
		default:
			return update, err
		}
	}
	return chain.Update{}, fmt.Errorf("%w: %w", chain.ErrUnreachable, err)
}

func (b *Backend) sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if err := b.setUp(ctx); err != nil {
		return chain.Update{}, err
	}
	if err := b.search(ctx, since); err != nil {
		return chain.Update{}, err
	}
	fork, err := b.node.Fork(ctx, since, b.cfg.Params)
	if err != nil {
		return chain.Update{}, err
	}
	list, err := b.list(ctx, fork)
	if err != nil {
		return chain.Update{}, err
	}
	// The list is one moment of the node's wallet, and LastBlock its tip.
	tip, err := b.tipAt(ctx, list.LastBlock)
	if err != nil {
		return chain.Update{}, err
	}
	if in, err := b.node.InBestChain(ctx, fork); err != nil {
		return chain.Update{}, err
	} else if !in {
		return chain.Update{}, errMoved
	}
	txs, err := b.fetch(ctx, list.Transactions)
	return chain.Update{Tip: tip, Fork: fork, Txs: txs}, err
}

// listing is the answer of listsinceblock.
type listing struct {
	Transactions []entry
	LastBlock    chainhash.Hash
}

// entry is one of possibly several that the node lists for a transaction.
type entry struct {
	TxID          chainhash.Hash
	Confirmations int32 // negative: in conflict with the chain
	BlockHash     chainhash.Hash
	BlockHeight   int32
	BlockIndex    int // in the block
	BlockTime     int64
	Time          int64 // first seen
}

// list asks for the transactions above a block, and those without a block.
func (b *Backend) list(ctx context.Context, fork chain.BlockID) (listing, error) {
	params := map[string]any{
		"target_confirmations": 1,
		"include_removed":      false,
		// Without it payments from the wallet to itself are missing.
		"include_change": true,
	}
	if fork.Height > 0 {
		params["blockhash"] = fork.Hash.String()
	}
	var list listing
	if err := b.wallet.Call(ctx, "listsinceblock", params, &list); err != nil {
		return listing{}, err
	}
	seen := make(map[chainhash.Hash]bool, len(list.Transactions))
	list.Transactions = slices.DeleteFunc(list.Transactions, func(e entry) bool {
		double := seen[e.TxID]
		seen[e.TxID] = true
		return double || e.Confirmations < 0
	})
	return list, b.dropEvicted(ctx, &list)
}

// dropEvicted removes unconfirmed transactions that are not in the mempool:
// the node's wallet remembers those as well.
func (b *Backend) dropEvicted(ctx context.Context, list *listing) error {
	var queries []*rpc.Query
	byID := make(map[chainhash.Hash]*rpc.Query)
	for _, e := range list.Transactions {
		if e.Confirmations == 0 {
			q := &rpc.Query{Method: "getmempoolentry", Params: []any{e.TxID.String()}}
			queries = append(queries, q)
			byID[e.TxID] = q
		}
	}
	if err := b.node.Batch(ctx, queries); err != nil {
		return err
	}
	for _, q := range queries {
		if q.Err != nil && !rpc.HasCode(q.Err, rpc.CodeNotFound) {
			return fmt.Errorf("getmempoolentry: %w", q.Err)
		}
	}
	all := len(list.Transactions)
	list.Transactions = slices.DeleteFunc(list.Transactions, func(e entry) bool {
		q := byID[e.TxID]
		return q != nil && q.Err != nil
	})
	if len(list.Transactions) == all {
		return nil
	}
	// What left the mempool may have gone into a block since.
	var tip chainhash.Hash
	if err := b.node.Call(ctx, "getbestblockhash", nil, &tip); err != nil {
		return err
	}
	if tip != list.LastBlock {
		return errMoved
	}
	return nil
}

// tipAt returns the block as tip, or errMoved if it is not in the best chain.
func (b *Backend) tipAt(ctx context.Context, hash chainhash.Hash) (chain.Tip, error) {
	var header struct {
		Height        int32
		Confirmations int32 // -1 off the best chain
		MedianTime    int64
	}
	if err := b.node.Call(ctx, "getblockheader", []any{hash.String()}, &header); err != nil {
		return chain.Tip{}, err
	}
	if header.Confirmations < 1 {
		return chain.Tip{}, errMoved
	}
	return chain.Tip{
		BlockID:    chain.BlockID{Height: header.Height, Hash: hash},
		MedianTime: time.Unix(header.MedianTime, 0),
	}, nil
}

// fetch reads the listed transactions and puts them into the order of the
// chain, unconfirmed ones last, in the order seen.
func (b *Backend) fetch(ctx context.Context, entries []entry) ([]chain.Tx, error) {
	slices.SortStableFunc(entries, func(x, y entry) int {
		switch {
		case x.Confirmations == 0 && y.Confirmations == 0:
			return int(x.Time - y.Time)
		case x.Confirmations == 0:
			return 1
		case y.Confirmations == 0:
			return -1
		case x.BlockHeight != y.BlockHeight:
			return int(x.BlockHeight - y.BlockHeight)
		}
		return x.BlockIndex - y.BlockIndex
	})
	txs := make([]chain.Tx, 0, len(entries))
	for part := range slices.Chunk(entries, batch) {
		results := make([]struct{ Hex rpc.Tx }, len(part))
		queries := make([]*rpc.Query, len(part))
		for i, e := range part {
			queries[i] = &rpc.Query{Method: "gettransaction", Params: []any{e.TxID.String()}, Result: &results[i]}
		}
		if err := b.wallet.Batch(ctx, queries); err != nil {
			return nil, err
		}
		for i, e := range part {
			if err := queries[i].Err; err != nil {
				return nil, fmt.Errorf("gettransaction: %w", err)
			}
			tx := chain.Tx{Msg: results[i].Hex.MsgTx, Time: time.Unix(e.Time, 0)}
			if tx.Msg == nil || tx.Msg.TxHash() != e.TxID {
				return nil, fmt.Errorf("%w: gettransaction: the node gives another transaction", chain.ErrUnreachable)
			}
			if e.Confirmations > 0 {
				tx.Block = chain.BlockID{Height: e.BlockHeight, Hash: e.BlockHash}
				tx.Time = time.Unix(e.BlockTime, 0)
			}
			txs = append(txs, tx)
		}
	}
	return txs, nil
}
