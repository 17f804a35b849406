package daemon

import (
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// After a channel came back, offers are published there once more, after a
// random time between these: whoever lost the maker meanwhile learns of it, and
// not all makers of a network speak at the same instant.
const (
	republishLeast = 5 * time.Second
	republishMost  = 30 * time.Second
)

// announce takes the maker's offers in place of those before, cancels what is
// gone and publishes what is new or changed. Before the market can be used they
// are only kept; begin publishes them then.
func (k *maker) announce(r control.AnnounceRequest) (any, error) {
	old := k.offers
	k.offers, k.bonded = slices.Clone(r.Offers), r.Bond
	k.market = make([]string, len(k.offers))
	for i, o := range k.offers {
		k.market[i] = group(line.Offer{Offer: o})
	}
	if !k.s.ready {
		return nil, nil
	}
	var gone, changed []string
	for _, o := range old {
		if !slices.ContainsFunc(k.offers, func(n protocol.Offer) bool { return n.ID == o.ID }) {
			gone = append(gone, group(line.Cancel{ID: o.ID}))
		}
	}
	for _, o := range k.offers {
		if !slices.Contains(old, o) {
			changed = append(changed, group(line.Offer{Offer: o}))
		}
	}
	for _, groups := range [][]string{gone, changed} {
		if len(groups) > 0 {
			if err := k.s.sendPublic(groups); err != nil {
				k.s.log.Warn("offers not published; they will be when a channel is back", "err", err)
			}
		}
	}
	return nil, nil
}

func group(m line.Message) string { return string(line.Append(nil, m)) }

func (k *maker) begin() {
	if len(k.offers) > 0 {
		k.s.sendPublic(k.market)
	}
}

// up publishes the offers on a channel that came back, or came late.
func (k *maker) up(l *link, again bool) {
	if !again {
		return
	}
	k.s.clock.stop(l.republish)
	l.republish = k.s.clock.after(republishLeast+random.N(republishMost-republishLeast), func() {
		if !l.up() || len(k.offers) == 0 {
			return
		}
		if err := l.SendPublic(k.market); err != nil {
			k.s.log.Warn("offers not published again", "channel", l.name, "err", err)
		}
	})
}

// answer sends all offers to a nick that asked for the order book, with a proof
// of the bond if there is one.
func (k *maker) answer(nick protocol.Nick, on *link) {
	now := time.Now()
	if len(k.offers) == 0 || !k.s.allowed(k.limits.ask.Allow(asker{nick, on}, now) && k.limits.allAsk.Allow(now), count.LimitAsks) {
		return
	}
	if a := (asker{nick, on}); k.bonded {
		k.prove(a)
	} else {
		k.sendOffers(a, "")
	}
}
