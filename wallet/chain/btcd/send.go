package btcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// maxTarget is the furthest that btcd estimates fees for, in blocks.
const maxTarget = 25

// FeeRate implements chain.Backend. Beyond 25 blocks it is that for 25.
func (b *Backend) FeeRate(ctx context.Context, target int) (_ sats.Amount, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return 0, err
	}
	var estimate json.Number
	err = b.node.Call(ctx, "estimatefee", []any{min(target, maxTarget)}, &estimate)
	if answer := new(rpc.Error); errors.As(err, &answer) && !errors.Is(err, chain.ErrUnreachable) {
		return 0, fmt.Errorf("%w: %w", chain.ErrNoEstimate, err)
	}
	if err != nil {
		return 0, err
	}
	rate, err := feeRate(estimate.String())
	if err != nil || rate <= 0 {
		return 0, fmt.Errorf("%w: it says %.40q BTC per kB", chain.ErrNoEstimate, estimate)
	}
	return rate, nil
}

var rateText = regexp.MustCompile(`^[0-9]{1,8}(\.[0-9]{1,30})?([eE]-[0-9]{1,2})?$`)

// feeRate reads a rate in BTC per kB. btcd computes rates in floating point and
// writes parts of a satoshi, which are rounded up: a rate that is a little too
// low may be refused.
func feeRate(text string) (sats.Amount, error) {
	exact := new(big.Rat)
	if _, ok := exact.SetString(text); !rateText.MatchString(text) || !ok {
		return 0, sats.ErrText
	}
	exact.Mul(exact, big.NewRat(int64(sats.PerBTC), 1))
	rounded, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		rounded.Add(rounded, big.NewInt(1))
	}
	if !rounded.IsInt64() || !sats.Amount(rounded.Int64()).Valid() {
		return 0, sats.ErrRange
	}
	return sats.Amount(rounded.Int64()), nil
}

// MinFeeRate implements chain.Backend. btcd's mempool asks for the same always.
func (b *Backend) MinFeeRate(ctx context.Context) (_ sats.Amount, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return 0, err
	}
	var info struct{ RelayFee rpc.BTC }
	err = b.node.Call(ctx, "getinfo", nil, &info)
	return sats.Amount(info.RelayFee), err
}

// Broadcast implements chain.Backend.
func (b *Backend) Broadcast(ctx context.Context, tx *wire.MsgTx) (err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return err
	}
	if err := b.node.Send(ctx, tx); err != nil {
		return err
	}
	b.changed()
	return nil
}
