package wallettest

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// Backend is the view that one wallet has of a Chain.
type Backend struct {
	c       *Chain
	changes chan struct{}

	// Protected by c.mu.
	down  error
	first time.Time           // earliest birth of what is watched
	watch map[string]struct{} // scripts
}

var _ chain.Backend = (*Backend)(nil)

// Backend returns a new view, which watches nothing yet.
func (c *Chain) Backend() *Backend {
	b := &Backend{c: c, changes: make(chan struct{}, 1), watch: make(map[string]struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.backends = append(c.backends, b)
	return b
}

// SetDown makes every call fail with chain.ErrUnreachable because of err, until
// SetDown(nil).
func (b *Backend) SetDown(err error) {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	b.down = err
}

// enter locks the chain, or says why the call fails.
func (b *Backend) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.c.mu.Lock()
	if b.down != nil {
		defer b.c.mu.Unlock()
		return fmt.Errorf("%w: %w", chain.ErrUnreachable, b.down)
	}
	return nil
}

// Tip implements chain.Backend.
func (b *Backend) Tip(ctx context.Context) (chain.Tip, error) {
	if err := b.enter(ctx); err != nil {
		return chain.Tip{}, err
	}
	defer b.c.mu.Unlock()
	return b.tip(), nil
}

func (b *Backend) tip() chain.Tip {
	return chain.Tip{BlockID: b.c.tip().BlockID, MedianTime: b.c.median()}
}

// BlockTime is the time of the block at a height of the best chain.
func (b *Backend) BlockTime(ctx context.Context, height int32) (time.Time, error) {
	if err := b.enter(ctx); err != nil {
		return time.Time{}, err
	}
	defer b.c.mu.Unlock()
	if height < 0 || int(height) >= len(b.c.best) {
		return time.Time{}, fmt.Errorf("no block of height %d", height)
	}
	return b.c.best[height].time, nil
}

// Watch implements chain.Backend.
func (b *Backend) Watch(ctx context.Context, branches []chain.Branch) error {
	scripts := make(map[string]struct{})
	for _, branch := range branches {
		for i := range branch.Count {
			script, err := branch.Script(i)
			if err != nil {
				return err
			}
			scripts[string(script)] = struct{}{}
		}
	}
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer b.c.mu.Unlock()
	for _, branch := range branches {
		if len(b.watch) == 0 || branch.Birth.Before(b.first) {
			b.first = branch.Birth
		}
	}
	maps.Copy(b.watch, scripts)
	return nil
}

// Sync implements chain.Backend.
func (b *Backend) Sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if err := b.enter(ctx); err != nil {
		return chain.Update{}, err
	}
	defer b.c.mu.Unlock()
	u := chain.Update{Tip: b.tip(), Fork: b.fork(since)}
	for _, block := range b.c.best[u.Fork.Height+1:] {
		if block.time.Before(b.first) {
			continue
		}
		for _, tx := range block.txs {
			if b.relevant(tx) {
				u.Txs = append(u.Txs, chain.Tx{Msg: tx, Block: block.BlockID, Time: block.time})
			}
		}
	}
	for _, tx := range b.c.mempool {
		if b.relevant(tx) {
			u.Txs = append(u.Txs, chain.Tx{Msg: tx, Time: b.c.tip().time})
		}
	}
	return u, nil
}

// fork returns the last block up to since that is in the best chain; the first
// of all if since is zero or unknown.
func (b *Backend) fork(since chain.BlockID) chain.BlockID {
	for old := b.c.blocks[since.Hash]; old != nil; old = b.c.blocks[old.prev] {
		if int(old.Height) < len(b.c.best) && b.c.best[old.Height] == old {
			return old.BlockID
		}
	}
	return b.c.best[0].BlockID
}

// relevant reports whether a transaction pays or spends a watched script.
func (b *Backend) relevant(tx *wire.MsgTx) bool {
	for _, out := range tx.TxOut {
		if _, ok := b.watch[string(out.PkScript)]; ok {
			return true
		}
	}
	for _, in := range tx.TxIn {
		if out := b.c.outs[in.PreviousOutPoint]; out != nil {
			if _, ok := b.watch[string(out.PkScript)]; ok {
				return true
			}
		}
	}
	return false
}

// Changes implements chain.Backend.
func (b *Backend) Changes() <-chan struct{} { return b.changes }

// TxOut implements chain.Backend.
func (b *Backend) TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if err := b.enter(ctx); err != nil {
		return chain.TxOut{}, err
	}
	defer b.c.mu.Unlock()
	txOut, height, coinbase := b.c.unspent(out)
	if txOut == nil {
		return chain.TxOut{}, fmt.Errorf("%w: %v", chain.ErrNoTxOut, out)
	}
	return chain.TxOut{
		Value:         sats.Amount(txOut.Value),
		Script:        txOut.PkScript,
		Confirmations: b.c.confirmations(height),
		Coinbase:      coinbase,
	}, nil
}

// HasTxOut implements chain.InChain.
func (b *Backend) HasTxOut(ctx context.Context, out wire.OutPoint) (bool, error) {
	if err := b.enter(ctx); err != nil {
		return false, err
	}
	defer b.c.mu.Unlock()
	has := false
	for tx, height := range b.c.all() {
		if height == 0 {
			continue
		}
		has = has || tx.TxHash() == out.Hash && int(out.Index) < len(tx.TxOut)
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint == out {
				return false, nil
			}
		}
	}
	return has, nil
}

// FeeRate implements chain.Backend.
func (b *Backend) FeeRate(ctx context.Context, _ int) (sats.Amount, error) {
	if err := b.enter(ctx); err != nil {
		return 0, err
	}
	defer b.c.mu.Unlock()
	if b.c.feeRate == 0 {
		return 0, chain.ErrNoEstimate
	}
	return b.c.feeRate, nil
}

// MinFeeRate implements chain.Backend.
func (b *Backend) MinFeeRate(ctx context.Context) (sats.Amount, error) {
	if err := b.enter(ctx); err != nil {
		return 0, err
	}
	defer b.c.mu.Unlock()
	return minFeeRate, nil
}

// Broadcast implements chain.Backend.
func (b *Backend) Broadcast(ctx context.Context, tx *wire.MsgTx) error {
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer b.c.mu.Unlock()
	id := tx.TxHash()
	for known := range b.c.all() {
		if known.TxHash() == id {
			return nil
		}
	}
	before := b.c.mempool
	err := b.c.makeRoom(tx)
	if err == nil {
		err = b.c.check(tx)
	}
	if err != nil {
		b.c.mempool = before
		return fmt.Errorf("%w: %w", chain.ErrRejected, err)
	}
	b.c.accept(tx.Copy())
	return nil
}

// Close implements chain.Backend.
func (b *Backend) Close() error { return nil }
