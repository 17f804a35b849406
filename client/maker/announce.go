package maker

import (
	"context"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// formerLife is how long takers may answer to an offer that was replaced: their
// copy of the order book is a little old.
const formerLife = 10 * time.Minute

// former is an offer that was replaced.
type former struct {
	protocol.Offer
	until time.Time
}

// look sees whether the wallet asks for other offers. The first ones of a
// session are published at once. Later ones are after a random wait, and not at
// all if the wallet is by then as it was: offers that change with a CoinJoin
// tie its coins to our nick (attack M26). While the node is lost, the old ones
// stand. Another fidelity bond is shown at once: nothing is published for that.
func (m *Maker) look(ctx context.Context, d Daemon) error {
	balance, err := m.offered()
	switch {
	case err != nil:
		return nil
	case m.published == nil:
		return m.redraw(ctx, d)
	case coarse(balance) == m.drawnFor:
		m.due = nil
	case m.due == nil:
		wait := Delay(m.cfg.Reannounce)
		m.due = time.After(wait)
		m.cfg.Notify(Due{Wait: wait})
	}
	return m.announce(ctx, d, m.published)
}

// redraw draws offers for what the wallet has now, and publishes them.
func (m *Maker) redraw(ctx context.Context, d Daemon) error {
	m.due = nil
	balance, err := m.offered()
	if err != nil {
		return nil
	}
	m.drawnFor = coarse(balance)
	return m.announce(ctx, d, m.cfg.Terms.Offers(balance))
}

// announce publishes offers and says whether there is a bond, unless nothing has
// changed.
func (m *Maker) announce(ctx context.Context, d Daemon, offers []protocol.Offer) error {
	bond := m.bond(ctx)
	same := m.published != nil && slices.Equal(offers, m.published)
	bonded := (bond == nil) == (m.withBond == nil)
	if same && bonded && (bond == nil || *bond == *m.withBond) {
		return nil
	}
	if (!same || !bonded) && (len(offers) > 0 || len(m.published) > 0) {
		ctx, cancel := context.WithTimeout(ctx, workTime)
		defer cancel()
		if err := d.Announce(ctx, control.AnnounceRequest{Offers: offers, Bond: bond != nil}); err != nil {
			return err
		}
	}
	if !same {
		now := time.Now()
		m.former = slices.DeleteFunc(m.former, func(f former) bool { return now.After(f.until) })
		for _, o := range m.published {
			m.former = append(m.former, former{o, now.Add(formerLife)})
		}
		m.log.Info("offers changed", "offers", len(offers))
	}
	m.published, m.withBond = offers, bond
	m.cfg.Notify(Announced{Offers: slices.Clone(offers), Bond: bond})
	return nil
}

// offered is what the richest mixdepth can put in.
func (m *Maker) offered() (sats.Amount, error) {
	balances, err := m.balances()
	if err != nil {
		return 0, err
	}
	return slices.Max(balances), nil
}

// Delay draws a wait of which nobody can tell how much of it has passed:
// exponential, up to three times its mean.
func Delay(mean time.Duration) time.Duration {
	return min(3*mean, time.Duration(min(3, random.Exp(1))*float64(mean)))
}

// asked returns the offer that a taker means by an id. It may have seen one that
// was replaced meanwhile; of those that allow the amount, we keep to the one
// that earns us least.
func (m *Maker) asked(id protocol.OfferID, amount sats.Amount) (found protocol.Offer, ok, inRange bool) {
	now, least := time.Now(), sats.Amount(0)
	consider := func(o protocol.Offer) {
		if o.ID != id {
			return
		}
		ok = true
		earning, err := Agreement{Offer: o, Amount: amount}.Earning()
		if err != nil || earning < 0 || amount < o.MinSize || amount > o.MaxSize || inRange && earning >= least {
			return
		}
		found, least, inRange = o, earning, true
	}
	for _, o := range m.published {
		consider(o)
	}
	for _, f := range m.former {
		if !now.After(f.until) {
			consider(f.Offer)
		}
	}
	return found, ok, inRange
}
