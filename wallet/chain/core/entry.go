package core

import (
	"context"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

var _ chain.Mempool = (*Backend)(nil)

// Unconfirmed implements chain.Mempool.
func (b *Backend) Unconfirmed(ctx context.Context, txid chainhash.Hash) (_ chain.Unconfirmed, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return chain.Unconfirmed{}, err
	}
	var entry struct {
		VSize           int64
		Fees            struct{ Base, Ancestor, Descendant rpc.BTC }
		AncestorCount   int
		AncestorSize    int64
		DescendantCount int
		DescendantSize  int64
	}
	err = b.node.Call(ctx, "getmempoolentry", []any{txid.String()}, &entry)
	if rpc.HasCode(err, rpc.CodeNotFound) {
		return chain.Unconfirmed{}, fmt.Errorf("%w: %w", chain.ErrNotInMempool, err)
	}
	return chain.Unconfirmed{
		Own:         chain.Package{Count: 1, Fee: sats.Amount(entry.Fees.Base), VSize: entry.VSize},
		Ancestors:   chain.Package{Count: entry.AncestorCount, Fee: sats.Amount(entry.Fees.Ancestor), VSize: entry.AncestorSize},
		Descendants: chain.Package{Count: entry.DescendantCount, Fee: sats.Amount(entry.Fees.Descendant), VSize: entry.DescendantSize},
	}, err
}
