package main

import (
	"context"
	"time"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// spoilerTime is how long a maker that spoiled a transaction is avoided.
const spoilerTime = 24 * time.Hour

// coinJoin enters the market under a new nick, makes one CoinJoin with others
// than ourselves, and leaves.
func (a *app) coinJoin(ctx context.Context, dial dialFunc, cfg taker.Config, p taker.Payment, approve func(taker.Quote) error) (taker.Result, error) {
	session, err := a.connectBy(ctx, dial, control.RoleTaker)
	if err != nil {
		return taker.Result{}, err
	}
	defer session.Close()
	if cfg.Commitments, err = a.openCommitments(); err != nil {
		return taker.Result{}, err
	}
	if p.Avoid, err = a.journal().Spoilers(time.Now().Add(-spoilerTime)); err != nil {
		return taker.Result{}, err
	}
	cfg.Daemon, cfg.Own = session, a.own
	t, err := taker.New(cfg)
	if err != nil {
		return taker.Result{}, err
	}
	return t.Run(ctx, p, approve)
}
