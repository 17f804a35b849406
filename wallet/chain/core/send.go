package core

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// FeeRate implements chain.Backend. It asks for a conservative estimate, since
// a CoinJoin cannot be given a higher fee later.
func (b *Backend) FeeRate(ctx context.Context, target int) (_ sats.Amount, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return 0, err
	}
	var estimate struct {
		FeeRate rpc.BTC
		Errors  []string
	}
	if err := b.node.Call(ctx, "estimatesmartfee", []any{target, "conservative"}, &estimate); err != nil {
		return 0, err
	}
	if estimate.FeeRate <= 0 {
		return 0, fmt.Errorf("%w: %.200s", chain.ErrNoEstimate, strings.Join(estimate.Errors, "; "))
	}
	return sats.Amount(estimate.FeeRate), nil
}

// MinFeeRate implements chain.Backend.
func (b *Backend) MinFeeRate(ctx context.Context) (_ sats.Amount, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return 0, err
	}
	var info struct {
		Mempool rpc.BTC `json:"mempoolminfee"`
		Relay   rpc.BTC `json:"minrelaytxfee"`
	}
	if err := b.node.Call(ctx, "getmempoolinfo", nil, &info); err != nil {
		return 0, err
	}
	return sats.Amount(max(info.Mempool, info.Relay)), nil
}

// Broadcast implements chain.Backend.
func (b *Backend) Broadcast(ctx context.Context, tx *wire.MsgTx) (err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return err
	}
	err = b.node.Send(ctx, tx)
	if errors.Is(err, chain.ErrRejected) && b.confirmed(ctx, tx) {
		err = nil
	}
	if err == nil {
		b.changed()
	}
	return err
}

// confirmed reports whether the node's wallet knows a transaction from a block:
// then it is refused if all of its outputs are spent.
func (b *Backend) confirmed(ctx context.Context, tx *wire.MsgTx) bool {
	var known struct{ Confirmations int32 }
	err := b.wallet.Call(ctx, "gettransaction", []any{tx.TxID()}, &known)
	return err == nil && known.Confirmations > 0
}
