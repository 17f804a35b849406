package plan

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// Closed tells, for each mixdepth of the wallet, whether a maker beside the plan
// has to leave its coins alone. What it takes part with goes to the next
// mixdepth, and change stays, so that these are closed:
//
//   - the mixdepth of the present payment, and the one before it, whose coins
//     would come there in the middle;
//   - those that the plan empties later, if it does not come by the next one
//     again: the coins would stay behind it.
func (p *Plan) Closed(mixdepths int) []bool {
	closed := make([]bool, mixdepths)
	at, more := p.Next()
	if !more {
		return closed
	}
	present, last := p.Steps[at].Mixdepth, at
	for last < len(p.Steps) && p.Steps[last].Mixdepth == present {
		last++
	}
	comes := func(mixdepth int) bool {
		return slices.ContainsFunc(p.Steps[last:], func(s Step) bool { return s.Mixdepth == mixdepth })
	}
	for m := range closed {
		next := (m + 1) % mixdepths
		closed[m] = m == present || next == present || comes(m) && !comes(next)
	}
	return closed
}

// errBeside: coins that a sweep would leave behind.
var errBeside = fmt.Errorf("%w, or about to come: others on this wallet have set them aside", coins.ErrLeased)

// beside reports whether others on the wallet hold coins of a mixdepth, or some
// that would come there, apart from those of a lease of ours. What pending
// transactions spend does not count: that may take weeks.
func (r *runner) beside(mixdepth int, ours *coins.Lease) (bool, error) {
	all, err := r.Wallet.Coins()
	if err != nil {
		return false, err
	}
	before := (mixdepth + r.Wallet.Mixdepths() - 1) % r.Wallet.Mixdepths()
	near := func(c coins.Coin) bool { return c.Mixdepth == mixdepth || c.Mixdepth == before }
	inUse := r.Wallet.InUse()
	for _, c := range all {
		mine := ours != nil && slices.ContainsFunc(ours.Coins, func(o coins.Coin) bool { return o.OutPoint == c.OutPoint })
		if owner, used := inUse[c.OutPoint]; used && owner != wallet.Sending && !mine && near(c) {
			return true, nil
		}
	}
	for _, s := range r.Wallet.Signed() {
		if !s.Seen || s.Confirmations > 0 {
			continue
		}
		if record, err := r.Wallet.Record(s.ID); err == nil && slices.ContainsFunc(record.Spends, near) {
			return true, nil
		}
	}
	return false, nil
}

// untilAlone waits until nobody else on the wallet has to do with a mixdepth.
func (r *runner) untilAlone(ctx context.Context, i int) error {
	changes, cancel := r.Wallet.Subscribe()
	defer cancel()
	for {
		others, err := r.beside(r.plan.Steps[i].Mixdepth, nil)
		if err != nil {
			return &Paused{i, protocol.ReasonChain, err}
		}
		if !others {
			return nil
		}
		r.Progress(fmt.Sprintf("payment %d of %d waits for coins that others on this wallet, such as a maker, have set aside", i+1, len(r.plan.Steps)))
		timer := time.NewTimer(lookAgain) // leases run out without a word
		select {
		case <-changes:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
}

// whole refuses a sweep that would leave coins behind.
func (g *guard) whole(r wallet.Reservation, lease *coins.Lease) error {
	if !r.Sweep {
		return nil
	}
	others, err := g.runner.beside(r.Mixdepth, lease)
	if err == nil && others {
		err = fmt.Errorf("%w: %w", coins.ErrFunds, errBeside)
	}
	return err
}
