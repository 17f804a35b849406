package neutrino

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/filters"
)

// syncTries bounds how often a search goes on after the chain changed.
const syncTries = 10

// errMoved: the best chain changed during a search.
var errMoved = errors.New("the chain changes faster than it can be read")

// Sync implements chain.Backend. The first time it searches all blocks since the
// first birth, which may take long: Progress tells how far it is, and what was found is
// kept, also if the program ends.
func (b *Backend) Sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if err := b.acquire(ctx); err != nil {
		return chain.Update{}, err
	}
	defer b.release()
	tip, err := b.catchUp(ctx)
	if err != nil {
		return chain.Update{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	update := chain.Update{Tip: tip}
	if update.Fork, err = b.fork(since); err != nil {
		return chain.Update{}, err
	}
	for _, tx := range b.record.txs {
		if tx.Block.Height > update.Fork.Height && b.watched.Relevant(tx.Msg) {
			update.Txs = append(update.Txs, tx.Tx)
		}
	}
	for _, tx := range b.record.pending() {
		if b.watched.Relevant(tx.Msg) {
			update.Txs = append(update.Txs, tx)
		}
	}
	return update, nil
}

// TxOut implements chain.Backend: for outputs that pay a watched script. Of all
// others it says chain.ErrCannotVerify.
func (b *Backend) TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if err := b.acquire(ctx); err != nil {
		return chain.TxOut{}, err
	}
	defer b.release()
	if _, err := b.catchUp(ctx); err != nil {
		return chain.TxOut{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.record.txOut(out)
}

// acquire waits until nobody else searches.
func (b *Backend) acquire(ctx context.Context) error {
	select {
	case b.syncing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *Backend) release() { <-b.syncing }

// catchUp completes the record. It returns the end of the chain, which is that
// of the record unless nothing is watched. b.syncing is held by the caller.
func (b *Backend) catchUp(ctx context.Context) (tip chain.Tip, err error) {
	for range syncTries {
		if tip, err = b.ready(ctx); err != nil {
			return chain.Tip{}, err
		}
		if err = b.search(ctx, tip); !errors.Is(err, errMoved) {
			return tip, err
		}
	}
	return chain.Tip{}, fmt.Errorf("%w: %w", chain.ErrUnreachable, err)
}

// search completes the record, or returns errMoved.
func (b *Backend) search(ctx context.Context, tip chain.Tip) error {
	if err := b.rewind(); err != nil {
		return err
	}
	r := &b.record // what is read here is changed by this goroutine only
	watched, birth := b.watched.List()
	if len(watched) == 0 && len(r.scripts.List()) == 0 {
		return nil
	}
	start, err := b.heightBefore(birth, tip.Height)
	if err != nil {
		return err
	}
	switch {
	case len(r.recent) == 0:
		from, err := b.blockAt(start)
		if err != nil {
			return err
		}
		if err := b.keep(extent{from: start, to: from, recent: []chainhash.Hash{from.Hash}}, watched, nil); err != nil {
			return err
		}
	case start < r.from:
		txs, err := b.searchAgain(ctx, start, r.from, &r.scripts)
		if err != nil {
			return err
		}
		e := r.extent
		e.from = start
		if err := b.keep(e, nil, txs); err != nil {
			return err
		}
	}
	var added filters.Set
	for _, script := range watched {
		if !r.scripts.Has(script) {
			added.Add(script)
		}
	}
	txs, err := b.searchAgain(ctx, r.from, r.to.Height, &added)
	if err != nil {
		return err
	}
	if err := b.keep(r.extent, added.List(), txs); err != nil {
		return err
	}
	err = b.scan(ctx, r.to, tip.Height, &r.scripts, func(blocks []chainhash.Hash, txs []found) error {
		return b.keep(r.through(blocks), nil, txs)
	})
	if err != nil {
		return err
	}
	if r.to != tip.BlockID {
		return errMoved
	}
	return b.forgetSent((*record).settled)
}

// searchAgain searches blocks that were searched for other scripts.
func (b *Backend) searchAgain(ctx context.Context, after, through int32, scripts *filters.Set) (txs []found, err error) {
	if len(scripts.List()) == 0 {
		return nil, nil
	}
	from, err := b.blockAt(after)
	if err != nil {
		return nil, err
	}
	err = b.scan(ctx, from, through, scripts, func(_ []chainhash.Hash, more []found) error {
		txs = append(txs, more...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The blocks hang together, and so do they with those of the record.
	if in, err := b.inBest(b.record.to); err != nil || !in {
		return nil, cmp.Or(err, errMoved)
	}
	return txs, nil
}
