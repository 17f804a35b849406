package market

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// size is how many there may be of each kind in a run.
type size struct {
	takers, makers, badTakers, badMakers, crowds, nicks int  // nicks: of a crowd
	full                                                bool // there are as many as there may be
}

var (
	small = size{takers: 3, makers: 3, badTakers: 3, badMakers: 3, crowds: 2, nicks: 50}
	big   = size{takers: 40, makers: 40, badTakers: 60, badMakers: 60, crowds: 8, nicks: 1000, full: true}
)

// mix is what may go wrong in a run.
type mix struct {
	lossy    bool // pits break and lose lines
	lying    bool // a server says what it likes
	echoing  bool // a server says messages twice
	stopping bool // daemon 0 is stopped
	crowded  bool // fills may fail because of crowds, burnt commitments or namesakes
	kinds    []string
}

func (x mix) String() string {
	words := x.kinds
	if x.lossy {
		words = append(words, "broken pits")
	}
	if x.echoing {
		words = append(words, "an echoing server")
	}
	if x.lying {
		words = append(words, "a lying server")
	}
	return strings.Join(words, ", ")
}

// market is one run.
type market struct {
	seed   uint64
	mix    mix
	calm   bool
	dice   dice
	ledger *ledger

	places   []*place
	daemons  []*daemon.Daemon
	bounds   daemon.Bounds
	takers   []*taker
	makers   []*maker
	others   []func(context.Context) // strangers and what else happens
	offering []protocol.Nick         // all makers, good and bad
	trading  []protocol.Nick         // the clients of daemons
	where    map[protocol.Nick][]*place
	kinds    map[protocol.Nick]string // of bad makers

	echoes chan echo // nil: the server says each message once

	strangers sync.WaitGroup
}

// newMarket draws a market from a seed.
func newMarket(t *testing.T, seed uint64, of size, loud func(string, ...any)) *market {
	d := newDice(seed, "market")
	m := &market{seed: seed, dice: d, where: make(map[protocol.Nick][]*place), kinds: make(map[protocol.Nick]string)}
	m.ledger = newLedger(d.between(1, 3))
	m.ledger.loud = loud
	if m.calm = d.chance(10); m.calm { // nothing goes wrong
		of.badTakers, of.badMakers, of.crowds = 0, 0, 0
	}
	m.mix.lossy, m.mix.lying = !m.calm && d.chance(20), !m.calm && d.chance(15)
	if m.mix.stopping = !m.calm && d.chance(10); m.mix.stopping {
		m.others = append(m.others, m.stop)
	}
	m.mix.echoing = !m.calm && d.chance(15)
	if m.mix.echoing {
		m.echoes = make(chan echo, 1000)
		m.others = append(m.others, m.echo)
	}
	m.mix.crowded, m.ledger.lying, m.ledger.lossy = m.mix.lying || m.mix.echoing, m.mix.lying, m.mix.lossy

	hostIDs := []string{"TestNet", "OtherNet", "ThirdNet"}
	if d.chance(20) {
		hostIDs[1] = hostIDs[0] // two servers of one network
	}
	for i := range d.between(1, 3) {
		name := []string{"pit", "other", "third"}[i]
		m.places = append(m.places, &place{daemontest.NewPit(name, hostIDs[i]), name, hostIDs[i]})
	}
	if d.chance(20) {
		m.bounds = daemon.Bounds{Nicks: 60, Offers: 60, Hearsay: 50}
	}
	for range m.ledger.used {
		dm, err := daemon.New(daemon.Config{NewChannel: m.newChannel, Channels: channels(m.places), Bounds: m.bounds, MaxClients: 200})
		if err != nil {
			t.Fatal(err)
		}
		m.daemons = append(m.daemons, dm)
	}
	m.populate(of)
	return m
}

func channels(places []*place) (list []control.ChannelConfig) {
	for _, p := range places {
		list = append(list, control.ChannelConfig{Name: p.name, Type: "irc", Host: "localhost", Port: 6667, Room: "pit", LineInterval: -1})
	}
	return list
}

// populate draws who takes part.
func (m *market) populate(of size) {
	d := m.dice
	count := func(least, most int) int {
		if of.full {
			return most
		}
		return d.between(least, most)
	}
	for i := range count(1, of.makers) {
		k := m.newMaker(i, m.newClient(nickOf('m', i+1)))
		m.makers = append(m.makers, k)
		m.offering = append(m.offering, k.nick)
	}
	for i := range count(0, of.badMakers) {
		nick, kind := nickOf('b', i+1), pick(d, badMakers)
		m.offering, m.kinds[nick] = append(m.offering, nick), kind
		m.mix.crowded = m.mix.crowded || kind == "burning"
	}
	for i := range count(1, of.takers) {
		m.takers = append(m.takers, m.newTaker(i, m.newClient(nickOf('t', i+1))))
	}
	for _, nick := range m.offering {
		if kind, bad := m.kinds[nick]; bad {
			m.stranger(kind+" maker", m.newBadMaker(kind, nick).run)
		}
	}
	for i := range count(0, of.badTakers) {
		kind := pick(d, badTakers)
		m.stranger(kind+" taker", m.newBadTaker(kind, nickOf('s', i+1)).run)
	}
	for i := range count(0, of.crowds) {
		kind := pick(d, []string{"fills", "orderbooks", "commitments", "junk", "chunks", "errors", "namesakes", "nobodies"})
		m.stranger("crowd of "+kind, m.newCrowd(kind, i, of.nicks).run)
		m.mix.crowded = true
	}
	if m.mix.lossy {
		m.others = append(m.others, m.breakPits)
	}
	if m.mix.lying {
		m.others = append(m.others, m.lie)
	}
}

func (m *market) stranger(kind string, run func(context.Context)) {
	m.others = append(m.others, run)
	m.mix.kinds = append(m.mix.kinds, kind)
}

// newClient draws a client, to whom a role is given.
func (m *market) newClient(nick protocol.Nick) *client {
	d := newDice(m.seed, "client "+string(nick))
	at := m.places
	if d.chance(20) {
		at = some(d, m.places)
	}
	c := &client{m: m, nick: nick, daemon: d.IntN(len(m.daemons)), channels: channels(at), ready: make(chan struct{})}
	if d.chance(50) {
		c.most = 300 * time.Millisecond
	}
	c.watches = d.chance(20)
	switch {
	case m.mix.stopping && c.daemon == 0:
		c.trouble = shut
	case !m.calm && d.chance(15):
		c.trouble = pick(d, troubles)
		m.mix.kinds = append(m.mix.kinds, string(c.trouble)+" client")
	}
	m.trading = append(m.trading, nick)
	m.where[nick] = at
	return c
}

func (m *market) honest(nick protocol.Nick) *maker {
	i := slices.IndexFunc(m.makers, func(k *maker) bool { return k.nick == nick })
	if i < 0 {
		return nil
	}
	return m.makers[i]
}

// rowOf is where the table counts a taker's conversation with a maker.
func (m *market) rowOf(k *taker, maker protocol.Nick) string {
	honest := m.honest(maker)
	switch {
	case honest == nil:
		return "a " + m.kinds[maker] + " maker"
	case m.mix.lying:
		return "honest, a lying server"
	case m.mix.lossy:
		return "honest, broken pits"
	case m.mix.echoing:
		return "honest, an echo"
	case !k.sound():
		return "honest, a " + string(k.trouble) + " taker"
	case !honest.sound():
		return "honest, a " + string(honest.trouble) + " maker"
	case m.mix.crowded:
		return "honest, crowds"
	case len(m.mix.kinds) > 0:
		return "honest, hostile others"
	}
	return "honest, alone"
}

// run lets the market live, and die. It is called in a bubble.
func (m *market) run() {
	ctx, stop := context.WithCancel(context.Background())
	for role, list := range m.clients() {
		for _, c := range list {
			m.ledger.serve(c.nick, role)
		}
	}
	var trading, living sync.WaitGroup
	for _, k := range m.makers {
		living.Go(k.run)
	}
	for _, other := range m.others {
		m.strangers.Go(func() { other(ctx) })
	}
	for _, k := range m.takers {
		trading.Go(k.run)
	}
	for _, list := range m.clients() {
		for _, c := range list {
			if !c.sound() {
				living.Go(func() { c.suffer(ctx) })
			}
		}
	}
	trading.Wait()
	stop()
	m.strangers.Wait()
	living.Wait()
	m.rest()
	if !m.mix.lying && !m.mix.lossy {
		m.probe()
	}
	m.close()
}

func (m *market) clients() map[control.Role][]*client {
	all := make(map[control.Role][]*client)
	for _, k := range m.takers {
		all[control.RoleTaker] = append(all[control.RoleTaker], k.client)
	}
	for _, k := range m.makers {
		all[control.RoleMaker] = append(all[control.RoleMaker], k.client)
	}
	return all
}

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
// used, and with one that was only reserved. None but the second is taken.
func (m *market) probe() {
	ctx, stop := context.WithCancel(context.Background())
	defer m.strangers.Wait()
	defer stop()
	p := m.newBadTaker("probing", nickOf('p', 1))
	p.on = m.places
	p.come(ctx)
	for _, k := range m.makers {
		if !k.sound() {
			continue
		}
		at := m.where[k.nick][0]
		for _, c := range m.ledger.commitments(k.daemon, k.nick) {
			synctest.Wait() // until it is there
			p.rightly(at, k.nick, filling{0, minSize, c.commitment, p.key})
			want := protocol.CmdPubKey
			if c.used {
				want = protocol.CmdError
			}
			if h, ok := p.next(ctx, k.nick, want, time.Minute); !ok {
				m.ledger.broken("%s at rest does not answer %s (%+v) to a commitment, used: %v", k.nick, want, h, c.used)
			}
			p.nick = nickOf('p', p.aliases+2)
			p.aliases++
			p.goAway()
			p.come(ctx)
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

// describe says who takes part.
func (m *market) describe() string {
	return fmt.Sprintf("%d takers, %d makers, %d pits, %d daemons; %v", len(m.takers), len(m.makers), len(m.places), len(m.daemons), m.mix)
}
