package market

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// size is how many there may be of each kind in a run.
type size struct {
	takers, makers, badTakers, badMakers, crowds int

	nicks int  // of a crowd
	full  bool // there are as many as there may be
}

var (
	small = size{takers: 3, makers: 3, badTakers: 3, badMakers: 3, crowds: 2, nicks: 50}
	big   = size{takers: 30, makers: 30, badTakers: 70, badMakers: 70, crowds: 4, nicks: 400, full: true}
)

// mix is what may go wrong in a run.
type mix struct {
	calm     bool // nothing
	lossy    bool // pits break and lose lines
	lying    bool // a server says what it likes
	echoing  bool // a server says messages twice
	stopping bool // daemon 0 is stopped
	crowded  bool // fills may fail because of crowds, burnt commitments, namesakes or servers
	kinds    []string
}

func drawMix(d dice) mix {
	if d.chance(10) {
		return mix{calm: true}
	}
	x := mix{lossy: d.chance(20), lying: d.chance(15), echoing: d.chance(15), stopping: d.chance(10)}
	x.crowded = x.lying || x.echoing
	return x
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
	if x.stopping {
		words = append(words, "a daemon that stops")
	}
	return strings.Join(words, ", ")
}

// market is one run.
type market struct {
	seed   uint64
	mix    mix
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
	m := &market{seed: seed, mix: drawMix(d), dice: d, where: make(map[protocol.Nick][]*place), kinds: make(map[protocol.Nick]string)}
	daemons := d.between(1, 3)
	if of.full {
		daemons = 8 // one takes 32 clients
	}
	m.ledger = newLedger(daemons)
	m.ledger.loud, m.ledger.lying, m.ledger.lossy = loud, m.mix.lying, m.mix.lossy
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
		dm, err := daemon.New(daemon.Config{NewChannel: m.newChannel, Channels: channels(m.places), Bounds: m.bounds})
		if err != nil {
			t.Fatal(err)
		}
		m.daemons = append(m.daemons, dm)
	}
	m.populate(of)
	m.disturb()
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
	if m.mix.calm {
		of.badTakers, of.badMakers, of.crowds = 0, 0, 0
	}
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
}

// disturb has happen to the network and the daemons what the mix says.
func (m *market) disturb() {
	if m.mix.lossy {
		m.others = append(m.others, m.breakPits)
	}
	if m.mix.lying {
		m.others = append(m.others, m.lie)
	}
	if m.mix.echoing {
		m.echoes = make(chan echo, 1000)
		m.others = append(m.others, m.echo)
	}
	if m.mix.stopping {
		m.others = append(m.others, m.stop)
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
	case !m.mix.calm && d.chance(15):
		c.trouble = pick(d, troubles)
	case !m.mix.calm && d.chance(10):
		c.trouble = blink
	}
	if c.trouble == blink {
		c.most = 0 // it has little time in between
	}
	if c.trouble != sound {
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
			if c.trouble != sound {
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

// describe says who takes part.
func (m *market) describe() string {
	return fmt.Sprintf("%d takers, %d makers, %d pits, %d daemons; %v", len(m.takers), len(m.makers), len(m.places), len(m.daemons), m.mix)
}
