package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// attack is what a hostile nick does, some times a second, before it comes back
// under another name.
type attack struct {
	name  string
	most  int // nicks at a time; 0: any number
	stay  time.Duration
	pause time.Duration // between two acts
	act   func(m *market, g *guest)
}

// busy is the pause of nicks that say as much as the server lets them.
const busy = 100 * time.Millisecond

// attacks are given to the hostile nicks in turn. Two of them are measured,
// for they make a maker speak, and it has 46 lines a minute in all: answers to
// takers would wait for too long.
var attacks = []attack{
	{"half-open fills", 1, 9 * time.Second, 10 * time.Second, halfOpen},
	{"orderbook", 1, 10 * time.Minute, busy, func(_ *market, g *guest) { g.say("!orderbook") }},
	{"malformed", 0, 20 * time.Second, busy, malformed},
	{"chunks", 0, 20 * time.Second, busy, chunks},
	{"forged", 0, 20 * time.Second, busy, forged},
	{"replayed", 0, 20 * time.Second, busy, replayed},
	{"offers", 0, 10 * time.Second, busy, madeUpOffers},
	{"offers kept", 0, time.Minute, busy, madeUpOffers},
	{"gossip", 0, 20 * time.Second, busy, gossip},
	{"coming and going", 0, time.Second, 300 * time.Millisecond, malformed},
}

// hostile are the attacks of n nicks.
func hostile(n int) (list []attack) {
	for round := 0; len(list) < n; round++ {
		for _, a := range attacks {
			if a.most == 0 || round < a.most {
				list = append(list, a)
			}
		}
	}
	return list[:n]
}

// visit is one such nick's life.
func (a attack) visit(ctx context.Context, m *market) error {
	g, err := m.visit(ctx)
	if err != nil {
		return err
	}
	defer g.leave()
	ctx, cancel := context.WithTimeout(ctx, a.stay)
	defer cancel()
	a.act(m, g)
	every(ctx, a.pause, func() { a.act(m, g) })
	return nil
}

// victim is some honest maker; a nick of nobody while there is none.
func (m *market) victim() protocol.Nick {
	if list := m.honest(); len(list) > 0 {
		return list[0]
	}
	return protocol.RandomNick()
}

// junk is printable, or nearly.
func junk(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + random.N(96))
	}
	return string(b)
}

var commands = []protocol.Command{protocol.CmdFill, protocol.CmdAuth, protocol.CmdTx, protocol.CmdPush, protocol.CmdPubKey, protocol.CmdIOAuth, protocol.CmdSig, protocol.CmdHP2}

func someCommand() protocol.Command { return commands[random.N(len(commands))] }

// malformed says what is no message of the market, or not one of that form.
func malformed(m *market, g *guest) {
	switch random.N(4) {
	case 0:
		g.say(junk(1 + random.N(350)))
	case 1:
		g.say("!" + strings.Repeat("!sw0reloffer "+junk(20), 1+random.N(8)))
	case 2:
		g.send("PRIVMSG %s :%s ~", m.victim(), junk(1+random.N(350)))
	case 3:
		g.whisper(m.victim(), someCommand(), g.body(strings.Repeat("x ", random.N(40))+"0"))
	}
}

// chunks begins messages in pieces that never end, or end without beginning.
func chunks(m *market, g *guest) {
	end := " ;"
	if random.N(10) == 0 {
		end = " ~"
	}
	text := strings.Repeat("y", 300)
	if random.N(3) == 0 {
		text = "!tx " + text
	}
	g.send("PRIVMSG %s :%s%s", m.victim(), text, end)
}

// forged sends fills and sealed messages that another nick's key has signed.
func forged(m *market, g *guest) { g.whisper(m.victim(), someCommand(), newPerson().body(goodFill())) }

// replayed sends one good fill over and over.
func replayed(m *market, g *guest) {
	fill := line.Fields(line.Fill{Amount: 1_000_000, PubKey: strings.Repeat("09", 32), Commitment: protocol.NewCommitment([32]byte{9})})
	g.whisper(m.victim(), protocol.CmdFill, g.body(fill))
}

// madeUpOffers offers what nobody has.
func madeUpOffers(_ *market, g *guest) {
	g.say(fmt.Sprintf("!sw0reloffer %d %d 5000000 0 0.0000%d ~", random.N(12), 100_000+random.N(1000), 1+random.N(9)))
}

// gossip publishes commitments that nobody used.
func gossip(_ *market, g *guest) { g.say("!hp2 " + strings.TrimPrefix(string(newCommitment()), "P")) }

func goodFill() string {
	key, err := seal.NewKey()
	if err != nil {
		panic(err) // without randomness there is nothing to do
	}
	return line.Fields(line.Fill{Amount: 1_000_000, PubKey: key.Public(), Commitment: newCommitment()})
}

// halfOpen begins a conversation with each honest maker and says no more.
func halfOpen(m *market, g *guest) {
	for _, n := range m.honest() {
		g.whisper(n, protocol.CmdFill, g.body(goodFill()))
	}
}
