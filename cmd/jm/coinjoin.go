package main

import (
	"context"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// coinJoin enters the market under a new nick, makes one CoinJoin and leaves.
func (a *app) coinJoin(ctx context.Context, cfg taker.Config, p taker.Payment, approve func(taker.Quote) error) (taker.Result, error) {
	session, hangUp, err := a.connect(ctx, control.RoleTaker)
	if err != nil {
		return taker.Result{}, err
	}
	defer hangUp()
	if cfg.Commitments, err = a.openCommitments(); err != nil {
		return taker.Result{}, err
	}
	cfg.Daemon = session
	t, err := taker.New(cfg)
	if err != nil {
		return taker.Result{}, err
	}
	return t.Run(ctx, p, approve)
}
