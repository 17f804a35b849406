package taker

import (
	"context"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// fill commits to a coin and fills the offers. It returns the opening of the
// commitment, which is recorded as used before anything leaves, and the session
// keys of the makers that took the fill, as hex. The commitment is not opened
// before enough of them have (attack T12).
func (a *attempt) fill(ctx context.Context, pl *plan) (podle.Proof, map[protocol.Nick]string, error) {
	fail := func(err error) (podle.Proof, map[protocol.Nick]string, error) { return podle.Proof{}, nil, err }
	// The user may have taken his time: the coins must still be ours.
	if err := a.lease.Extend(leaseTime); err != nil {
		return fail(because(protocol.ReasonDeclined, fmt.Errorf("the decision took longer than %v: %w", leaseTime, err)))
	}
	// Nor may the session have ended meanwhile: a commitment would be lost.
	if gone := a.cfg.Daemon.Err(); gone != nil {
		return fail(a.daemonError(gone))
	}
	others, err := a.otherCoins(pl.Inputs)
	if err != nil {
		return fail(err)
	}
	proof, err := a.cfg.Commitments.Next(ctx, a.cfg.Wallet.Chain(), a.cfg.Wallet, pl.Amount, pl.Inputs, others)
	if err != nil {
		return fail(err)
	}
	request := control.FillRequest{Amount: pl.Amount, Commitment: protocol.NewCommitment(proof.Commitment()),
		Deadline: a.cfg.Timeouts.Answer}
	pending := map[protocol.Nick]bool{}
	for _, m := range pl.Makers {
		request.Makers = append(request.Makers, control.MakerOffer{Nick: m.Nick, OfferID: m.Offer.ID})
		pending[m.Nick] = true
	}
	answer, err := a.cfg.Daemon.Fill(ctx, request)
	if err != nil {
		return fail(fmt.Errorf("filling the offers: %w", a.daemonError(err)))
	}
	a.number = answer.Attempt

	keys := map[protocol.Nick]string{}
	err = a.gather(ctx, stage{
		size:    fillSize,
		pending: pending,
		late:    protocol.ReasonTimeoutFill,
		take: func(event any) {
			e, ok := event.(control.PubKeyEvent)
			if !ok || e.Attempt != a.number || !pending[e.Maker] {
				return // the first key wins (attack T9)
			}
			delete(pending, e.Maker)
			if !protocol.IsHex(e.PubKey, 32) {
				a.drop(e.Maker, protocol.ReasonBadKey, "not 32 bytes in hex")
				return
			}
			keys[e.Maker] = e.PubKey
			a.progress("%d of %d makers took the offer", len(keys), len(pl.Makers))
		},
		left: leaver(a, keys),
	})
	if err == nil && len(keys) < pl.MinMakers {
		err = fewMakers(len(keys), pl.MinMakers)
	}
	return proof, keys, err
}

// fillSize is about the length of a fill: offer, amount, key and commitment.
const fillSize = 4 + 16 + 64 + 66

func fewMakers(good, needed int) error {
	return because(protocol.ReasonFewMakers, fmt.Errorf("%d makers did what they should, %d are needed", good, needed))
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
