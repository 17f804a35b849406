package btcd

import (
	"context"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

var _ chain.Mempool = (*Backend)(nil)

// entry is a transaction as getrawmempool lists it.
type entry struct {
	VSize   int64
	Fee     rpc.BTC
	Depends []string // ids of unconfirmed ones that it spends
}

// Unconfirmed implements chain.Mempool. btcd tells about its mempool as a whole
// only.
func (b *Backend) Unconfirmed(ctx context.Context, txid chainhash.Hash) (u chain.Unconfirmed, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return u, err
	}
	var all map[string]entry
	if err := b.node.Call(ctx, "getrawmempool", []any{true}, &all); err != nil {
		return u, err
	}
	id := txid.String()
	if _, known := all[id]; !known {
		return u, chain.ErrNotInMempool
	}
	parents, children := make(map[string][]string), make(map[string][]string)
	for child, e := range all {
		parents[child] = e.Depends
		for _, parent := range e.Depends {
			children[parent] = append(children[parent], child)
		}
	}
	for _, part := range []struct {
		to    *chain.Package
		edges map[string][]string
	}{{&u.Own, nil}, {&u.Ancestors, parents}, {&u.Descendants, children}} {
		if *part.to, err = sum(all, id, part.edges); err != nil {
			return chain.Unconfirmed{}, err
		}
	}
	return u, nil
}

// sum adds up a transaction and all that can be reached from it by edges.
func sum(all map[string]entry, from string, edges map[string][]string) (p chain.Package, err error) {
	seen := map[string]bool{from: true}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		e := all[queue[0]]
		p.Count++
		p.VSize += e.VSize
		if p.Fee, err = sats.Sum(p.Fee, sats.Amount(e.Fee)); err != nil {
			return chain.Package{}, fmt.Errorf("fees in the mempool: %w", err)
		}
		for _, next := range edges[queue[0]] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return p, nil
}
