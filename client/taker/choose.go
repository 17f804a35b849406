package taker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// plan is what was chosen: the quote and what it does not show.
type plan struct {
	Quote
	destination []byte // output script
	kind        txbuild.ScriptType
}

// maxReserve is how many makers are ranked to take the place of others when n
// are wanted.
func maxReserve(n int) int { return min(2*n+4, protocol.MaxMakers-n) }

// ranked are all makers that may be asked, in the order in which they are.
func (p *plan) ranked() []QuotedMaker { return slices.Concat(p.Makers, p.Reserve) }

// rank is the place of a maker in that order.
func (p *plan) rank(nick protocol.Nick) int {
	return slices.IndexFunc(p.ranked(), func(m QuotedMaker) bool { return m.Nick == nick })
}

// choose decides with whom and at what price, and sets own coins aside.
func (a *attempt) choose(ctx context.Context) (*plan, error) {
	p := a.payment
	if err := p.check(); err != nil {
		return nil, err
	}
	destination, err := txbuild.ParseAddress(p.Destination, a.cfg.Wallet.Params())
	if err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	pl := &plan{destination: destination}
	if pl.kind, err = txbuild.TypeOf(destination); err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	// Coins first: without them there is no need to ask the market.
	if err := a.reserve(p.Amount); err != nil {
		return nil, err
	}
	rate, err := a.cfg.FeeRate.Draw(ctx, a.cfg.Wallet.Chain())
	if err != nil {
		return nil, err
	}
	book, err := a.book(ctx, p.Makers)
	if err != nil {
		return nil, err
	}
	bonds, err := a.bonds(ctx, book.Bonds)
	if err != nil {
		return nil, err
	}
	pl.Destination, pl.MinMakers, pl.FeeRate, pl.Sweep, pl.Amount = p.Destination, p.MinMakers, rate, p.Amount == 0, p.Amount
	pl.OddType = pl.kind != txbuild.P2WPKH
	pl.Inputs = a.lease.Coins
	if a.cfg.Pick != nil { // the session is read on while the user thinks
		defer a.drain()()
	}
	if pl.Sweep {
		err = a.offersForAll(book.Offers, bonds, pl)
	} else {
		err = a.offersFor(book.Offers, bonds, pl)
	}
	if err != nil {
		return nil, err
	}
	a.result.Amount = pl.Amount
	return pl, a.budget(ctx, pl)
}

// budget says how many attempts the coins are good for, and refuses if none.
func (a *attempt) budget(ctx context.Context, pl *plan) error {
	others, err := a.otherCoins(pl.Inputs)
	if err != nil {
		return err
	}
	tip, err := a.cfg.Wallet.Chain().Tip(ctx)
	if err != nil {
		return fmt.Errorf("asking for the height: %w", err)
	}
	budget, err := a.cfg.Commitments.Budget(ctx, a.cfg.Wallet.Chain(), a.cfg.Wallet, pl.Amount, pl.Inputs, others)
	if err != nil {
		return err
	}
	pl.Tries = budget.Left
	if budget.Wait > 0 {
		pl.NextTry = tip.Height + budget.Wait
	}
	if pl.Tries == 0 {
		err = budget.None
		if pl.NextTry > 0 {
			err = fmt.Errorf("%w; the next try is possible from block %d on, %d are there", err, pl.NextTry, tip.Height)
		}
	}
	return err
}

// check refuses a payment that cannot be meant.
func (p Payment) check() error {
	switch {
	case p.Makers < 1 || p.Makers > protocol.MaxMakers || p.MinMakers < 1 || p.MinMakers > p.Makers:
		return fmt.Errorf("%d makers, at least %d: want 1..%d and not more at least than in all",
			p.Makers, p.MinMakers, protocol.MaxMakers)
	case p.Amount != 0 && (p.Amount < protocol.MinOfferSize || !p.Amount.Valid()):
		return because(protocol.ReasonAmountRange,
			fmt.Errorf("amount %v: a CoinJoin has at least %v", p.Amount, protocol.MinOfferSize))
	}
	return nil
}

// reserve sets coins worth target aside, all of the mixdepth for target 0, in
// the place of those set aside before.
func (a *attempt) reserve(target sats.Amount) error {
	if a.lease != nil {
		a.lease.Release()
	}
	lease, err := a.cfg.Wallet.Reserve(wallet.Reservation{Mixdepth: a.payment.Mixdepth, Target: target,
		Sweep: target == 0, MinConf: 1, Purpose: "coinjoin", TTL: leaseTime})
	if err != nil {
		return fmt.Errorf("setting coins of mixdepth %d aside: %w", a.payment.Mixdepth, err)
	}
	a.lease = lease
	return nil
}

// offersFor picks offers for the amount of the payment and reserves coins for
// it.
func (a *attempt) offersFor(book []control.OfferEntry, bonds map[protocol.Nick]ProvenBond, pl *plan) error {
	list := a.willing(a.candidates(book, filter{amount: pl.Amount, below: pl.Amount, above: pl.Amount, exclude: a.payment.Exclude, bonds: bonds}))
	n := min(a.payment.Makers, len(list))
	if n < a.payment.MinMakers {
		return a.fewOffers(len(list))
	}
	chosen, rest, _, err := a.pick(list, n, a.payment.Makers)
	if err != nil {
		return because(protocol.ReasonDeclined, err)
	}
	pl.Crowd = a.crowd(list, n)
	reserve, err := a.pickReserve(rest, n)
	if err != nil {
		return err
	}
	if err := a.quote(pl, chosen, reserve); err != nil {
		return err
	}
	target, err := sats.Sum(pl.Amount, pl.MaxCJFee, pl.MinerFee)
	if err != nil {
		return err
	}
	err = a.reserve(target)
	if errors.Is(err, coins.ErrFunds) && pl.MaxCJFee > pl.CJFee {
		// The coins do not suffice for dearer makers in the place of the chosen
		// ones; then only cheaper ones may take it.
		cheap := slices.DeleteFunc(reserve, func(c Candidate) bool {
			return slices.ContainsFunc(pl.Makers, func(m QuotedMaker) bool { return c.gross(pl.Amount) > m.Fee })
		})
		if err := a.quote(pl, chosen, cheap); err != nil {
			return err
		}
		err = a.reserve(pl.Amount + pl.CJFee + pl.MinerFee)
	}
	if err != nil {
		return err
	}
	pl.Inputs = a.lease.Coins
	return a.price(pl)
}

// offersForAll picks offers for sending everything that was reserved, and
// solves for the amount.
func (a *attempt) offersForAll(book []control.OfferEntry, bonds map[protocol.Nick]ProvenBond, pl *plan) error {
	total, found := coins.Sum(pl.Inputs), 0
	for n := a.payment.Makers; n >= a.payment.MinMakers; n-- {
		estimate, err := pl.estimate(n)
		if err != nil {
			return err
		}
		list := a.willing(a.candidates(book, filter{amount: total, below: total, above: total - estimate, gross: true,
			exclude: a.payment.Exclude, bonds: bonds}))
		found = max(found, len(list))
		chosen, rest, amount, ok, err := a.chooseSweep(list, n, total, estimate)
		if err != nil {
			return because(protocol.ReasonDeclined, err)
		}
		if !ok || amount < protocol.MinOfferSize {
			continue
		}
		pl.Amount, pl.Crowd = amount, a.crowd(list, n)
		rest = slices.DeleteFunc(rest, func(c Candidate) bool { return !c.fits(amount) })
		reserve, err := a.pickReserve(rest, n)
		if err != nil {
			return err
		}
		if err := a.quote(pl, chosen, reserve); err != nil {
			return err
		}
		return a.price(pl)
	}
	return a.fewOffers(found)
}

// willing leaves those out that are to be avoided, if there are enough others.
func (a *attempt) willing(list []Candidate) []Candidate {
	others := slices.DeleteFunc(slices.Clone(list), func(c Candidate) bool { return slices.Contains(a.payment.Avoid, c.Nick) })
	if a.cfg.Pick != nil || len(others) < 2*a.payment.Makers {
		return list
	}
	return others
}

// pickReserve ranks further makers, drawn like the first n.
func (a *attempt) pickReserve(rest []Candidate, n int) ([]Candidate, error) {
	if a.cfg.Pick != nil {
		return nil, nil
	}
	reserve, _, _, err := a.pick(rest, min(len(rest), maxReserve(n)), n)
	return reserve, err
}

func (a *attempt) fewOffers(found int) error {
	return because(protocol.ReasonFewOffers, fmt.Errorf(
		"%s with an offer for this amount within the fee limits, %d are needed",
		count(found, "maker"), a.payment.MinMakers))
}
