package taker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// fillTime bounds the fill: makers that took it early wait no longer than a
// minute for what follows (attack M7).
const fillTime = 45 * time.Second

// spares is how many makers more than wanted are to have taken the fill before
// the commitment is opened. Makers learn of a commitment that was opened and
// take no further fill with it: only these can stand in for one that fails then.
// In a sweep there are twice as many, for only those can that cost what the others
// would have: the amount is fixed, and what is left over or missing is the
// miner's.
func (p *plan) spares() int {
	n := (len(p.Makers)+3)/4 + 1
	if p.Sweep {
		n *= 2
	}
	return n
}

// fill commits to a coin and fills the offers, more than are wanted. It returns
// the session keys of the makers that took the fill, as hex. The commitment is
// recorded as used before anything leaves, and not opened before enough makers
// have shown that they are there (attack T12).
func (a *attempt) fill(ctx context.Context, pl *plan) (map[protocol.Nick]string, error) {
	// The user may have taken his time: the coins must still be ours.
	if err := a.lease.Extend(leaseTime); err != nil {
		return nil, because(protocol.ReasonDeclined, fmt.Errorf("the decision took longer than %v: %w", leaseTime, err))
	}
	// Nor may the session have ended meanwhile: a commitment would be lost.
	if gone := a.cfg.Daemon.Err(); gone != nil {
		return nil, a.daemonError(gone)
	}
	if err := a.commit(ctx, pl); err != nil {
		return nil, err
	}
	ranked := pl.ranked()
	wanted := min(len(pl.Makers)+pl.spares(), len(ranked))
	request := control.FillRequest{Amount: pl.Amount, Commitment: protocol.NewCommitment(a.proof.Commitment()),
		Makers: asks(ranked[:wanted]), Deadline: a.cfg.Timeouts.Answer}
	answer, err := a.cfg.Daemon.Fill(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("filling the offers: %w", a.daemonError(err))
	}
	a.number = answer.Attempt

	keys, next := map[protocol.Nick]string{}, wanted
	s := &stage{
		size:    fillSize,
		limit:   min(fillTime, a.cfg.Timeouts.Answer+grace),
		pending: nicksOf(ranked[:wanted]),
		late:    protocol.ReasonTimeoutFill,
		left:    leaver(a, keys),
		lacking: func() int { return wanted - len(keys) },
		fine:    func() bool { return len(keys) >= len(pl.Makers) },
	}
	s.take = func(event any) error {
		e, ok := event.(control.PubKeyEvent)
		if !ok || e.Attempt != a.number || !s.answered(e.Maker) {
			return nil
		}
		if !protocol.IsHex(e.PubKey, 32) {
			a.drop(e.Maker, protocol.ReasonBadKey, "not 32 bytes in hex")
			return nil
		}
		keys[e.Maker] = e.PubKey
		a.progress("%s took the offer; %d take part, the others are in reserve", count(len(keys), "maker"), len(pl.Makers))
		return nil
	}
	s.more = func(n int) ([]protocol.Nick, error) {
		others := ranked[next:min(next+n, len(ranked))]
		next += len(others)
		return a.refill(ctx, others)
	}
	err = a.gather(ctx, s)
	if err == nil && len(keys) < pl.MinMakers {
		err = fewMakers(len(keys), pl.MinMakers)
	}
	return keys, err
}

// fillSize is about the length of a fill: offer, amount, key and commitment.
const fillSize = 4 + 16 + 64 + 66

// commit records a commitment as used, unless one is left of an attempt that
// never opened it: no maker has refused that.
func (a *attempt) commit(ctx context.Context, pl *plan) error {
	if a.proof != nil {
		return nil
	}
	others, err := a.otherCoins(pl.Inputs)
	if err != nil {
		return err
	}
	proof, err := a.cfg.Commitments.Next(ctx, a.cfg.Wallet.Chain(), a.cfg.Wallet, pl.Amount, pl.Inputs, others)
	if err != nil {
		return err
	}
	a.proof = &proof
	return nil
}

// refill asks further makers within the attempt. A daemon that cannot do so, an
// older one, asks nobody.
func (a *attempt) refill(ctx context.Context, makers []QuotedMaker) (asked []protocol.Nick, err error) {
	if len(makers) == 0 {
		return nil, nil
	}
	err = a.cfg.Daemon.Refill(ctx, control.RefillRequest{Attempt: a.number, Makers: asks(makers)})
	if errors.Is(err, control.ErrUnknownMethod) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("asking more makers: %w", a.daemonError(err))
	}
	for _, m := range makers {
		asked = append(asked, m.Nick)
	}
	a.progress("%s asked in the place of those that do not answer", count(len(makers), "more maker"))
	return asked, nil
}

// asks names the offers of makers.
func asks(makers []QuotedMaker) (out []control.MakerOffer) {
	for _, m := range makers {
		out = append(out, control.MakerOffer{Nick: m.Nick, OfferID: m.Offer.ID})
	}
	return out
}

func nicksOf(makers []QuotedMaker) map[protocol.Nick]bool {
	set := make(map[protocol.Nick]bool, len(makers))
	for _, m := range makers {
		set[m.Nick] = true
	}
	return set
}

func fewMakers(good, needed int) error {
	return because(protocol.ReasonFewMakers, fmt.Errorf("%s did what they should, %d are needed", count(good, "maker"), needed))
}

// otherCoins returns the coins of the mixdepth that are not among selected, to
// commit to when those cannot be.
func (a *attempt) otherCoins(selected []coins.Coin) ([]coins.Coin, error) {
	all, err := a.cfg.Wallet.Coins()
	if err != nil {
		return nil, err
	}
	chosen := func(out wire.OutPoint) bool {
		return slices.ContainsFunc(selected, func(c coins.Coin) bool { return c.OutPoint == out })
	}
	return coins.Filter{Mixdepth: a.payment.Mixdepth, Exclude: chosen}.Apply(all), nil
}
