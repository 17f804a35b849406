package taker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// spoiled reports whether an attempt failed by what makers did or failed to do,
// so that another one with others can succeed.
func (a *attempt) spoiled(ctx context.Context, failure *Error) bool {
	if ctx.Err() != nil || a.signed || errors.Is(failure, errOwnCoin) {
		return false
	}
	switch failure.Reason {
	case protocol.ReasonFewMakers, protocol.ReasonBadCoins, protocol.ReasonFeeLimit:
		return true
	}
	return false
}

// again is another attempt after a spoiled one, with the same coins; nil if
// there can be none. When enough makers have signed, it is they alone: the rest
// of the market learns nothing more (attack P10; spec: honest-only retry).
// Otherwise those that failed are left out, and what was not opened of the
// commitment serves again. It never costs more than was approved.
func (a *attempt) again(pl *plan, failure *Error) (*attempt, *plan) {
	next := &attempt{Taker: a.Taker, payment: a.payment, lease: a.lease, past: a.past}
	for _, script := range a.given {
		next.past[script] = true
	}
	if !a.opened {
		next.proof = a.proof
	}
	left := func(m QuotedMaker) bool {
		return slices.ContainsFunc(a.result.Dropped, func(d Dropped) bool { return d.Nick == m.Nick })
	}
	ranked := slices.DeleteFunc(slices.Concat(pl.Makers, pl.Reserve), left)
	n := min(len(pl.Makers), len(ranked))
	if honest := slices.DeleteFunc(slices.Clone(ranked), func(m QuotedMaker) bool {
		return !slices.Contains(a.honest, m.Nick)
	}); len(honest) >= pl.MinMakers {
		ranked, n = honest, len(honest)
	}
	if pl.Sweep { // dearer makers would leave less to be sent than was approved
		slices.SortStableFunc(ranked, func(x, y QuotedMaker) int { return cmp.Compare(x.Fee, y.Fee) })
	}
	var another *plan
	for ; another == nil; n-- {
		if n < pl.MinMakers {
			return nil, nil
		}
		if try, err := next.replan(pl, ranked, n); err == nil && try.MaxCost() <= pl.MaxCost() {
			another = try
		}
	}
	next.result.ID, next.start, next.retryOf, next.step = newID(), time.Now(), a.result.ID, StepFill
	next.result.Amount = another.Amount
	next.result.Earlier = append(slices.Clone(a.result.Earlier), a.record(pl, time.Now(), failure))
	return next, another
}

// replan prices another attempt with the first n of these makers, the others
// being in reserve.
func (a *attempt) replan(pl *plan, ranked []QuotedMaker, n int) (*plan, error) {
	another := *pl
	var list []Candidate
	for _, m := range ranked {
		list = append(list, Candidate{Nick: m.Nick, Offer: m.Offer, Bond: m.Bond})
	}
	chosen, reserve := list[:n], list[n:]
	if pl.Sweep {
		estimate, err := another.estimate(n)
		if err != nil {
			return nil, err
		}
		amount, ok := solveSweep(chosen, coins.Sum(pl.Inputs), estimate)
		unfit := func(c Candidate) bool { return !c.fits(amount) }
		if !ok || slices.ContainsFunc(chosen, unfit) {
			return nil, a.fewOffers(0)
		}
		another.Amount, reserve = amount, slices.DeleteFunc(slices.Clone(reserve), unfit)
	}
	if err := a.quote(&another, chosen, reserve); err != nil {
		return nil, err
	}
	return &another, a.price(&another)
}
