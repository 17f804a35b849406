package wallet

import (
	"context"
	"errors"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Waits between two attempts to send a transaction again: doubled each time up
// to a limit.
const (
	firstResend = time.Minute
	lastResend  = time.Hour
)

// lost returns the pending transactions of which neither the mempool nor the
// chain knows anything, nor has another one in their place; none while that is
// not known.
func (w *Wallet) lost() (lost []Pending) {
	w.mu.RLock()
	v, all, fresh := w.view, w.state.pending, w.fresh
	w.mu.RUnlock()
	if v == nil || !fresh || len(all) == 0 {
		return nil
	}
	depth := v.spent(all)
	for _, p := range w.Pending() {
		if _, spent := depth[p.ID]; !spent && !p.Spent {
			lost = append(lost, p)
		}
	}
	return lost
}

// Resend sends the pending transactions once that have vanished from the node's
// mempool, or never came there. It returns how many the node took, and what it
// said to the others.
func (w *Wallet) Resend(ctx context.Context) (sent int, err error) {
	if w.cfg.Chain == nil {
		return 0, ErrOffline
	}
	for _, p := range w.lost() {
		if e := w.cfg.Chain.Broadcast(ctx, p.Tx); e != nil {
			err = errors.Join(err, e)
			continue
		}
		sent++
	}
	return sent, err
}

// resending does so until ctx ends, for each transaction ever more slowly.
func (w *Wallet) resending(ctx context.Context) {
	type attempt struct {
		at   time.Time
		wait time.Duration
	}
	changes, cancel := w.Subscribe()
	defer cancel()
	last := make(map[chainhash.Hash]attempt)
	for {
		plan := make(map[chainhash.Hash]attempt)
		sleep := lastResend
		for _, p := range w.lost() {
			if p.Others {
				continue
			}
			a, again := last[p.ID]
			if !again { // a new one has just been sent, and the node not asked since
				a = attempt{p.Since.Add(firstResend), firstResend}
			}
			if now := time.Now(); !now.Before(a.at) {
				err := w.cfg.Chain.Broadcast(ctx, p.Tx)
				w.log.Info("sent a pending transaction again", "err", err, "wait", a.wait)
				a = attempt{time.Now().Add(a.wait), min(2*a.wait, lastResend)}
			}
			plan[p.ID] = a
			sleep = min(sleep, time.Until(a.at))
		}
		last = plan
		timer := time.NewTimer(sleep)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-changes:
			timer.Stop()
		case <-timer.C:
		}
	}
}
