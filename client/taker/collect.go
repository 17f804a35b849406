package taker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// party is a maker whose coins were verified.
type party struct {
	nick protocol.Nick
	txbuild.Maker
}

// collect opens the commitment to as many makers as are wanted, verifies what
// they open in return, and puts others that took the fill in the place of those
// that fail or lie. It returns the makers that pass, in the order of the quote.
func (a *attempt) collect(ctx context.Context, pl *plan, sessions map[protocol.Nick]string) ([]party, error) {
	var ready []QuotedMaker // not opened to yet
	for _, m := range pl.ranked() {
		if sessions[m.Nick] != "" {
			ready = append(ready, m)
		}
	}
	wanted := min(len(pl.Makers), len(ready))
	var good, heavy []party
	asked := map[protocol.Nick]sats.Amount{} // fees of those whose answer is waited for
	// room is what another maker may cost beside the good ones and those asked.
	room := func() sats.Amount {
		left := pl.feeBudget()
		for _, p := range good {
			left -= p.Fee
		}
		for _, fee := range asked {
			left -= fee
		}
		return left
	}
	s := &stage{
		size:    len(a.proof.String()) * 4 / 3, // in the box, as base64
		pending: map[protocol.Nick]bool{},
		late:    protocol.ReasonTimeoutAuth,
		lacking: func() int { return wanted - len(good) },
	}
	s.more = func(n int) ([]protocol.Nick, error) {
		clear(asked) // whoever is late has lost its claim
		for _, m := range pl.ranked() {
			if s.pending[m.Nick] {
				asked[m.Nick] = m.Fee
			}
		}
		var nicks []protocol.Nick
		for len(nicks) < n {
			i := pl.standIn(ready, n-len(nicks), room())
			if i < 0 {
				break
			}
			nicks, asked[ready[i].Nick] = append(nicks, ready[i].Nick), ready[i].Fee
			ready = slices.Delete(ready, i, i+1)
		}
		if len(nicks) == 0 {
			return nil, nil
		}
		a.opened = true
		request := control.AuthRequest{Attempt: a.number, Makers: nicks, Revelation: a.proof.String()}
		if err := a.cfg.Daemon.Auth(ctx, request); err != nil {
			return nil, fmt.Errorf("opening the commitment: %w", a.daemonError(err))
		}
		return nicks, nil
	}
	s.left = func(e control.FailedEvent) {
		gone := func(p party) bool { return p.nick == e.Maker }
		heavy = slices.DeleteFunc(heavy, gone)
		idle := func(m QuotedMaker) bool { return m.Nick == e.Maker }
		if slices.ContainsFunc(good, gone) || slices.ContainsFunc(ready, idle) {
			good, ready = slices.DeleteFunc(good, gone), slices.DeleteFunc(ready, idle)
			a.drop(e.Maker, e.Reason, e.Text)
		}
	}
	s.take = func(event any) error {
		e, ok := event.(control.IOAuthEvent)
		if !ok || e.Attempt != a.number || !s.answered(e.Maker) {
			return nil
		}
		p, err := a.verified(ctx, pl, sessions[e.Maker], e)
		var refused refusal
		if errors.As(err, &refused) {
			a.drop(e.Maker, refused.reason, refused.text)
			return nil
		} else if err != nil {
			return err
		}
		delete(asked, e.Maker)
		if p.Fee > room() {
			return nil // late, and its place is taken by a dearer one
		}
		if a.tooHeavy(pl, good, p, wanted) {
			heavy = append(heavy, p)
			return nil
		}
		good = a.disjoint(pl, append(good, p))
		a.progress("%d of %d makers opened their coins", len(good), wanted)
		return nil
	}
	if err := a.gather(ctx, s); err != nil {
		return nil, err
	}
	good = a.fallBack(pl, good, heavy, wanted)
	if len(good) < pl.MinMakers {
		return nil, fewMakers(len(good), pl.MinMakers)
	}
	rank := func(p party) int { return pl.rank(p.nick) }
	slices.SortFunc(good, func(x, y party) int { return rank(x) - rank(y) })
	return good, nil
}

// standIn is the index of the maker that is to be asked next, of those who are
// ready, if n more are wanted and room is what they may cost together; -1 if there
// is none. It is the next one in the order of the quote that room suffices for. In
// a sweep that holds for those who were chosen, and of the reserve it is the
// dearest who leaves enough for the others that are wanted: what they are not paid
// would be the miner's, and too much of that ends the attempt.
func (p *plan) standIn(ready []QuotedMaker, n int, room sats.Amount) int {
	best := -1
	for i, m := range ready {
		if m.Fee > room {
			continue
		}
		if !p.Sweep || p.rank(m.Nick) < len(p.Makers) {
			return i
		}
		others := slices.Delete(slices.Clone(ready), i, i+1)
		slices.SortFunc(others, func(x, y QuotedMaker) int { return cmp.Compare(x.Fee, y.Fee) })
		left := room - m.Fee
		for _, other := range others[:min(n-1, len(others))] {
			left -= other.Fee
		}
		if left >= 0 && (best < 0 || m.Fee > ready[best].Fee) {
			best = i
		}
	}
	if best < 0 && n > 1 { // there is not room for all
		return p.standIn(ready, n-1, room)
	}
	return best
}

// feeBudget is what the makers may cost together. In a sweep the amount is fixed
// and what dearer makers ask would be missing for the miner.
func (p *plan) feeBudget() sats.Amount {
	if p.Sweep {
		return p.CJFee
	}
	return p.MaxCJFee
}

// verified returns the part of a maker whose answer holds.
func (a *attempt) verified(ctx context.Context, pl *plan, session string, e control.IOAuthEvent) (party, error) {
	if e.PubKey != session {
		return party{}, refuse(protocol.ReasonBadKey, "the session key changed")
	}
	m := pl.ranked()[pl.rank(e.Maker)]
	part, err := verify(ctx, a.cfg.Wallet.Params(), a.cfg.Wallet.Chain(), m, pl.Amount, e.PubKey, e.IOAuth)
	if err != nil {
		return party{}, err
	}
	if err := a.notOurs(part.Inputs); err != nil {
		return party{}, err
	}
	// Others saw the addresses of an earlier attempt.
	if a.past[string(part.CJScript)] || a.past[string(part.Change)] {
		return party{}, refuse(protocol.ReasonBadAddress, "an address of an earlier attempt")
	}
	a.given = append(a.given, string(part.CJScript), string(part.Change))
	return party{m.Nick, part}, nil
}

// disjoint drops makers that claim a coin or an address of ours or of each
// other. Of two with the same claim nobody can tell the liar, so both go
// (attacks T2, T7). Claims are scripts: a coin that is named twice shows by its
// script too.
func (a *attempt) disjoint(pl *plan, parties []party) (apart []party) {
	claims := map[string]int{string(pl.destination): 1}
	for _, c := range pl.Inputs {
		claims[string(c.Script)] = 1 // two of our coins may have one script
	}
	for _, p := range parties {
		for _, script := range p.scripts() {
			claims[script]++
		}
	}
	for _, p := range parties {
		if slices.ContainsFunc(p.scripts(), func(script string) bool { return claims[script] > 1 }) {
			a.drop(p.nick, protocol.ReasonBadCoins, "a coin or an address that another participant claims too")
			continue
		}
		apart = append(apart, p)
	}
	return apart
}

// scripts are those of the party's inputs and outputs, each once.
func (p party) scripts() []string {
	out := []string{string(p.CJScript), string(p.Change)}
	for _, in := range p.Inputs {
		out = append(out, string(in.Script))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
