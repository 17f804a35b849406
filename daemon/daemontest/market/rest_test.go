package market

import (
	"context"
	"strings"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// settle is how long everything takes to be over that a run has begun: the
// longest wait of a conversation, and couriers.
const settle = 12 * time.Minute

// rest waits until all must be over and checks that it is.
func (m *market) rest() {
	time.Sleep(settle)
	bounds := daemon.DefaultBounds
	if m.bounds.Nicks > 0 {
		bounds = m.bounds
	}
	for i, d := range m.daemons {
		for _, s := range d.Status(context.Background()).Sessions {
			open := 0
			for _, n := range s.Conversations {
				open += n
			}
			// A taker's client decides for itself when it has waited enough.
			if s.Role == control.RoleTaker {
				open -= s.Conversations["taker:keyed"] + s.Conversations["taker:opened"]
			}
			if open > 0 || s.Verdicts > 0 || s.Signatures > 0 || s.Busy {
				m.ledger.broken("daemon %d: a %s's session does not come to rest: %+v", i, s.Role, s)
			}
			if s.Peers > bounds.Nicks || s.Offers > bounds.Offers {
				m.ledger.broken("daemon %d: %d nicks and %d offers in a book for %d and %d", i, s.Peers, s.Offers, bounds.Nicks, bounds.Offers)
			}
		}
	}
	for _, k := range m.makers {
		if k.sound() && !m.mix.lossy {
			k.settled()
		}
	}
}

// probe has a stranger fill makers that are at rest: with a commitment that was
// used, by others or, long ago, by itself, and with one that was only reserved.
// None but the last is taken.
func (m *market) probe() {
	ctx, stop := context.WithCancel(context.Background())
	defer m.strangers.Wait()
	defer stop()
	p := m.newBadTaker("probing", "")
	p.on = m.places
	for i, k := range m.makers {
		if !k.sound() {
			continue
		}
		for j, c := range m.ledger.commitments(k.daemon, k.nick) {
			p.nick = nickOf('p', 2*i+j)
			if c.taker != "" {
				p.nick = c.taker
			}
			p.come(ctx)
			synctest.Wait() // until it is there
			p.rightly(m.where[k.nick][0], k.nick, filling{0, minSize, c.commitment, p.key})
			want := protocol.CmdPubKey
			if c.used {
				want = protocol.CmdError
			}
			if _, ok := p.next(ctx, k.nick, want, time.Minute); !ok {
				m.ledger.broken("%s at rest does not answer %s to %s, whose commitment is used: %v", k.nick, want, p.nick, c.used)
			}
			p.goAway()
			synctest.Wait()
		}
	}
	time.Sleep(settle)
}

// close ends all clients, and then checks that nothing of them is left.
func (m *market) close() {
	word := newDice(m.seed, "goodbye")
	for _, list := range [][]*client{m.clients()[control.RoleTaker], m.clients()[control.RoleMaker]} {
		for _, c := range list {
			c.leave(word.chance(50))
			c.requests.Wait()
		}
	}
	time.Sleep(2 * control.DefaultGrace)
	for i, d := range m.daemons {
		a := d.Status(context.Background())
		if a.Clients != 0 || len(a.Sessions) != 0 {
			m.ledger.broken("daemon %d has %d clients and %d sessions after all have left", i, a.Clients, len(a.Sessions))
		}
		if begun, over := a.Counts["conversations/begun"], a.Counts["conversations/signed"]+a.Counts["conversations/failed"]; begun != over {
			m.ledger.broken("daemon %d: %d conversations were begun, %d are over", i, begun, over)
		}
		for name, n := range a.Counts {
			if strings.HasPrefix(name, "faults/") {
				m.ledger.broken("daemon %d counted %s %d times", i, name, n)
			}
		}
	}
	for _, p := range m.places {
		if left := p.Nicks(); len(left) > 0 {
			m.ledger.broken("on %s there are still %v", p.name, left)
		}
	}
	for i, d := range m.daemons {
		if err := d.Close(); err != nil {
			m.ledger.broken("daemon %d: %v", i, err)
		}
	}
}
