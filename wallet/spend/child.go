package spend

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/status"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// child spends an own output of an unconfirmed transaction to the same mixdepth
// with a fee that makes both together worth mining at the rate.
func (cfg Config) child(ctx context.Context, r Raise, parent wallet.Record, approve func(Quote) error) (Receipt, error) {
	before, err := cfg.ancestors(ctx, r, parent)
	if err != nil {
		return Receipt{}, err
	}
	rate, err := cfg.Fee.Draw(ctx, cfg.Node)
	if err != nil {
		return Receipt{}, err
	}
	to, err := placeholder(cfg.Wallet)
	if err != nil {
		return Receipt{}, err
	}
	height := int32(0)
	lease, err := cfg.Wallet.Lease("fee bump", hold(cfg), func(c wallet.Choice) ([]coins.Coin, error) {
		height = c.Tip.Height
		return r.chooseOutput(c, parent)
	})
	if err != nil {
		return Receipt{}, err
	}
	defer lease.Release()
	q, err := quoteChild(lease.Coins, to, before, rate)
	if err != nil {
		return Receipt{}, err
	}
	q.Bump.TxID, q.Bump.Signals = r.TxID, signals(parent.Tx)
	if err := cfg.limits(q); err != nil {
		return Receipt{}, err
	}
	if err := cfg.agree(ctx, &q, lease, lease.Coins[0].Mixdepth, approve); err != nil {
		return Receipt{}, err
	}
	tx := wire.NewMsgTx(2)
	tx.LockTime = txbuild.LockTime(height)
	in := wire.NewTxIn(&lease.Coins[0].OutPoint, nil, nil)
	in.Sequence = txbuild.RBF
	tx.AddTxIn(in)
	tx.AddTxOut(wire.NewTxOut(int64(q.Outputs[0].Value), q.Outputs[0].Script))
	if err := cfg.Wallet.SignTx(tx, lease.Coins); err != nil {
		return Receipt{}, err
	}
	return cfg.send(ctx, tx, q)
}

// ancestors is what must be mined before the child: the parent and what that
// depends on.
func (cfg Config) ancestors(ctx context.Context, r Raise, parent wallet.Record) (chain.Package, error) {
	if cfg.Mempool != nil {
		u, err := cfg.Mempool.Unconfirmed(ctx, r.TxID)
		if err == nil && (u.Ancestors.VSize < 1 || u.Ancestors.VSize > maxPackage || !u.Ancestors.Fee.Valid()) {
			err = fmt.Errorf("what the node says of the transaction: %w", sats.ErrRange)
		}
		return u.Ancestors, err
	}
	// Without a mempool, own records are enough if nothing in them is foreign.
	foreign := len(parent.Spends) != len(parent.Tx.TxIn)
	if foreign || slices.ContainsFunc(parent.Spends, func(c coins.Coin) bool { return c.Height == 0 }) {
		return chain.Package{}, ErrNoMempool
	}
	fee, err := ownFee(parent)
	return chain.Package{Count: 1, Fee: fee, VSize: vsize(parent.Tx)}, err
}

// maxPackage bounds the size of what a child pays for, in vB. Nodes take less.
const maxPackage = 1_000_000

// chooseOutput returns the output of the parent that the child spends: the one
// named, else the largest that is none of the equal outputs of a CoinJoin, as
// spending one of those ties it to the haste, else the largest.
func (r Raise) chooseOutput(c wallet.Choice, parent wallet.Record) ([]coins.Coin, error) {
	var free []coins.Coin
	for _, coin := range c.Coins {
		named := r.Output == NoOutput || coin.OutPoint.Index == uint32(r.Output)
		if coin.OutPoint.Hash == r.TxID && named && !coin.Frozen && !c.InUse(coin.OutPoint) {
			free = append(free, coin)
		}
	}
	if len(free) == 0 {
		return nil, fmt.Errorf("%w: a child needs one of the wallet's, neither spent nor frozen nor in use", ErrNoPayer)
	}
	join, joined := status.CoinJoin(parent.Tx)
	best := slices.MaxFunc(free, func(a, b coins.Coin) int {
		aEqual, bEqual := joined && a.Value == join.Amount, joined && b.Value == join.Amount
		switch {
		case aEqual != bEqual && aEqual:
			return -1
		case aEqual != bEqual:
			return 1
		}
		return cmp.Compare(a.Value, b.Value)
	})
	return []coins.Coin{best}, nil
}

// quoteChild computes a child of one coin that pays a script like to.
func quoteChild(from []coins.Coin, to []byte, before chain.Package, rate sats.Amount) (Quote, error) {
	size, err := txbuild.Size(inputs(from), []txbuild.Output{{Script: to}})
	if err != nil {
		return Quote{}, err
	}
	old, err := txbuild.FeeAt(before.VSize, rate)
	if err != nil {
		return Quote{}, err
	}
	if old <= before.Fee {
		return Quote{}, fmt.Errorf("%w: it pays %v for %d vB already, which is %s", ErrPaysMore, before.Fee, before.VSize,
			sats.FeeRate(before.Fee*1000/sats.Amount(before.VSize)))
	}
	both, err := txbuild.FeeAt(before.VSize+size, rate)
	if err != nil {
		return Quote{}, err
	}
	q := Quote{
		Inputs: from, Fee: both + 1 - before.Fee, VSize: size, Rate: rate, Replaceable: true,
		Bump: &Bump{Child: true, Fee: before.Fee, VSize: before.VSize},
	}
	least, err := txbuild.DustLimit(to)
	if err != nil {
		return Quote{}, err
	}
	left := coins.Sum(from) - q.Fee
	if left < least {
		return Quote{}, fmt.Errorf("%w: the child would have to pay %v, its coin is worth %v", ErrNoPayer, q.Fee, coins.Sum(from))
	}
	q.Outputs = []Output{{Value: left, Change: true}}
	return q, nil
}
