package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet"
)

// ownMaker is a maker of ours, on a wallet that is open and followed.
type ownMaker struct {
	wallet *wallet.Wallet
	path   string // of the wallet
	dial   dialFunc
	terms  maker.Terms
	closed func(mixdepth int) bool // see maker.Config; nil: none are
	tell   func(maker.Event)
}

// runMaker runs a maker until ctx ends; the error is that of maker.Maker.Run. How
// it fares is in the files beside the wallet, which has one maker at a time.
func (a *app) runMaker(ctx context.Context, own ownMaker) error {
	life := newLifeWriter(a.files, own.path, a.log)
	defer life.end()
	m, err := maker.New(maker.Config{
		Wallet: own.wallet, Node: own.wallet.Chain(), Terms: own.terms, Closed: own.closed,
		Connect: func(ctx context.Context, prove maker.Prove) (maker.Daemon, error) {
			session, err := a.enter(ctx, client.Config{Dial: own.dial, Role: control.RoleMaker, Channels: a.cfg.Channels, Bond: prove})
			if err != nil {
				return nil, err
			}
			// Before an offer of it can be seen.
			a.ourNicks.add(session.Nick())
			life.life.Nick, life.life.Lost = session.Nick(), ""
			life.save()
			return session, nil
		},
		ColdBonds: func() ([]coldbonds.Bond, error) { return coldbonds.Load(coldBondsFile(own.path)) },
		Record:    acceptedFile(own.path), Files: a.files,
		Age: a.cfg.Policy.TakerUTXOAge, AmountShare: int64(a.cfg.Policy.TakerUTXOPercent), Tries: a.cfg.Policy.TakerUTXORetries,
		HoldSigned: a.cfg.Timeout.Unconfirm + 2*time.Minute,
		Reannounce: a.cfg.Yield.Reannounce,
		MinFeeRate: a.cfg.Yield.MinFeeRate,
		Notify: func(e maker.Event) {
			life.life.saw(e, time.Now())
			life.save()
			if earned, ok := e.(maker.Earned); ok {
				if err := a.state(earnedRow(time.Now(), earned)); err != nil {
					a.log.Warn("could not add to the statement", "file", a.statementFile(), "err", err)
				}
			}
			own.tell(e)
		},
		Logger: a.log,
	})
	if err != nil {
		return err
	}
	if err := a.state(connectedRow(time.Now())); err != nil {
		a.log.Warn("could not add to the statement", "file", a.statementFile(), "err", err)
	}
	return m.Run(ctx)
}

// acceptedFile is where a maker records the commitments it answered: beside its
// wallet, under the same lock.
func acceptedFile(walletPath string) string {
	return filepath.Join(filepath.Dir(walletPath), filepath.Base(walletPath)+".accepted")
}

// coldBondsFile is where the fidelity bonds of other machines are kept that the
// maker of a wallet speaks for.
func coldBondsFile(walletPath string) string {
	return filepath.Join(filepath.Dir(walletPath), filepath.Base(walletPath)+".coldbonds")
}
