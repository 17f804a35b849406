package core

import (
	"context"
	"maps"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// view is what a change is noticed by.
type view struct {
	tip     chainhash.Hash
	mempool map[chainhash.Hash]bool // our transactions in it
}

// poll looks for news until ctx ends.
func (b *Backend) poll(ctx context.Context) {
	defer close(b.stopped)
	ticker := time.NewTicker(b.cfg.Poll)
	defer ticker.Stop()
	var last view
	lost := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := b.look(ctx, last)
		if err != nil {
			b.note(&err)
			if !lost && ctx.Err() == nil {
				b.log.Warn("no news from the node, trying again", "err", err)
				lost = true
			}
			last = view{} // its return is news
			continue
		}
		if lost {
			b.log.Info("the node is back")
			lost = false
		}
		if now.tip != last.tip || !maps.Equal(now.mempool, last.mempool) {
			b.changed()
		}
		last = now
	}
}

// look asks the node for its view. While its wallet is busy with something
// longer, such as a search, the last view of the mempool is kept.
func (b *Backend) look(ctx context.Context, last view) (view, error) {
	if err := b.check(ctx); err != nil {
		return view{}, err
	}
	now := view{mempool: last.mempool}
	if err := b.node.Call(ctx, "getbestblockhash", nil, &now.tip); err != nil {
		return view{}, err
	}
	select {
	case b.lock <- struct{}{}:
		defer b.release()
	default:
		return now, nil
	}
	if len(b.watched.branches) == 0 {
		return now, nil
	}
	if err := b.setUp(ctx); err != nil {
		return view{}, err
	}
	list, err := b.list(ctx, chain.BlockID{Height: 1, Hash: now.tip})
	if rpc.HasCode(err, rpc.CodeNoWallet) {
		b.watched.open = false
	}
	if err != nil {
		return view{}, err
	}
	now.mempool = make(map[chainhash.Hash]bool)
	for _, e := range list.Transactions {
		if e.Confirmations == 0 {
			now.mempool[e.TxID] = true
		}
	}
	return now, nil
}
