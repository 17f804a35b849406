package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/history"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// Waits after a failed synchronisation: doubled each time up to a limit.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// birthSlack is taken off the birth of a wallet: the clock of this machine may
// be wrong, and blocks may be stamped up to two hours early.
const birthSlack = 48 * time.Hour

// Run keeps the wallet synchronised until ctx ends, then returns nil, and sends
// pending transactions again that the node has lost. It tries
// again, ever more slowly, while the node cannot be reached; it ends with an
// error only when trying again cannot help: chain.ErrWrongNetwork, ErrOffline.
func (w *Wallet) Run(ctx context.Context) error {
	if w.cfg.Chain == nil {
		return ErrOffline
	}
	ctx, stop := context.WithCancel(ctx)
	var resending sync.WaitGroup
	resending.Go(func() { w.resending(ctx) })
	defer resending.Wait()
	defer stop()
	for retry := firstRetry; ; {
		err := w.Sync(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, chain.ErrWrongNetwork):
			return err
		case err != nil:
			w.log.Warn("the wallet is not synchronised, trying again", "err", err, "wait", retry)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retry):
			}
			retry = min(2*retry, lastRetry)
			continue
		}
		retry = firstRetry
		select {
		case <-ctx.Done():
			return nil
		case <-w.cfg.Chain.Changes():
		case <-w.grow:
		}
	}
}

// Sync asks the node once for what has changed. On success the coins are those
// of the node's present chain and mempool, every used address is known, and the
// indices are past them. After an error the wallet shows the state of before
// and counts as not synchronised.
func (w *Wallet) Sync(ctx context.Context) error {
	if w.cfg.Chain == nil {
		return ErrOffline
	}
	w.syncing.Lock()
	defer w.syncing.Unlock()
	v, err := w.update(ctx)
	if err := w.publish(v, err); err != nil {
		return fmt.Errorf("synchronising the wallet: %w", err)
	}
	w.keep(v)
	return nil
}

// publish shows what an update found, or that it failed.
func (w *Wallet) publish(v *view, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if w.fresh {
			w.fresh = false
			w.notifyLocked()
		}
		return err
	}
	w.endRecoveryLocked(v)
	w.computeLocked(v)
	w.view, w.fresh = v, true
	w.notifyLocked()
	return nil
}

// update fetches what has changed, from the beginning of the chain when more
// addresses had to be watched, until a full gap of unused addresses follows
// the used ones. The coins of the view are left to the caller.
func (w *Wallet) update(ctx context.Context) (*view, error) {
	var last view
	if v, err := w.current(); err == nil {
		last = *v
	}
	if err := w.scan(ctx); err != nil {
		return nil, err
	}
	for {
		if err := w.watch(ctx); err != nil {
			return nil, err
		}
		if w.rescan {
			last = view{}
		}
		u, err := w.cfg.Chain.Sync(ctx, last.tip.BlockID)
		if err != nil {
			return nil, err
		}
		if u.Fork.Height < last.tip.Height {
			w.log.Info("blocks were replaced", "count", last.tip.Height-u.Fork.Height)
		}
		last = view{tip: u.Tip, watched: w.watched, history: last.history.Apply(u)}
		if err := w.remember(last.history, u); err != nil {
			return nil, err
		}
		if _, enough := w.wanted(); !enough {
			continue
		}
		w.rescan = false
		if skipped, err := w.catchUp(); err != nil {
			return nil, err
		} else if !skipped {
			if err := w.overtaken(ctx, &last); err != nil {
				return nil, err
			}
			return &last, w.settle(&last)
		}
	}
}

// remember moves the next indices past every address that was paid, on the disk
// too, so that none of them is handed out; it notes the bonds that the update
// shows; and it freezes what came to an address again, before anybody sees it.
func (w *Wallet) remember(h history.History, u chain.Update) error {
	if mayShowBonds(u.Txs) {
		if err := w.learnBonds(); err != nil {
			return err
		}
	}
	frozen := 0
	err := w.save(func(s *state) error {
		w.mu.RLock()
		defer w.mu.RUnlock()
		frozen = w.freezeReused(h, s)
		w.recogniseLocked(s, h, u)
		h.Outputs(func(out history.Output) {
			if path, ours := w.paths[string(out.PkScript)]; ours && path.Branch <= keys.Internal {
				next := &s.next[path.Mixdepth][path.Branch]
				*next = max(*next, path.Index+1)
			}
		})
		return nil
	})
	if err == nil && frozen > 0 {
		w.log.Warn("coins came to addresses that had been paid before, and were frozen", "count", frozen)
	}
	return err
}
