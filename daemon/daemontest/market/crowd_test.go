package market

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// crowd is strangers of many nicks who only disturb: each time one says
// something, under a nick that was never heard before.
type crowd struct {
	*stranger
	once func(c *crowd, at *place)
	size int
	next int // nick
}

// crowds are the kinds.
var crowds = map[string]func(c *crowd, at *place){
	"fills": (*crowd).fillOnce, "orderbooks": (*crowd).askOnce, "commitments": (*crowd).burnOnce, "junk": (*crowd).junkOnce,
	"chunks": (*crowd).chunkOnce, "errors": (*crowd).errOnce, "namesakes": (*crowd).namesakeOnce, "nobodies": (*crowd).nobodyOnce,
}

func (m *market) newCrowd(kind string, n, size int) *crowd {
	s := m.newStranger(kind, nickOf('f', n*100_000))
	return &crowd{stranger: s, once: crowds[kind], size: size, next: n * 100_000}
}

func (c *crowd) run(ctx context.Context) {
	if !sleep(ctx, c.dice.seconds(0, 20)) {
		return
	}
	for left := c.dice.between(1, c.size); left > 0; {
		for range min(left, c.dice.between(1, 50)) {
			left--
			c.next++
			c.nick = nickOf('f', c.next)
			c.once(c, c.elsewhere())
		}
		if !sleep(ctx, c.dice.seconds(0, 10)) {
			return
		}
	}
}

func (c *crowd) fillOnce(at *place) {
	if len(c.m.makers) == 0 {
		return
	}
	b := badTaker{stranger: c.stranger}
	b.rightly(at, pick(c.dice, c.m.makers).nick, filling{0, c.dice.amount(), c.dice.commitment(), c.key})
}

func (c *crowd) askOnce(at *place) {
	c.public(at, pick(c.dice, []string{"!orderbook", "!orderbook!orderbook", "!!orderbook", "!orderbook x"}))
}

func (c *crowd) burnOnce(at *place) {
	c.public(at, "!hp2 "+string(c.dice.commitment()[1:]))
}

// junkOnce says what is no message to anybody, or one without its proof.
func (c *crowd) junkOnce(at *place) {
	d, to := c.dice, pick(c.dice, c.m.trading)
	command := pick(d, []protocol.Command{protocol.CmdFill, protocol.CmdPubKey, protocol.CmdAuth, protocol.CmdIOAuth, protocol.CmdTx, protocol.CmdSig,
		protocol.CmdError, protocol.CmdPush, protocol.CmdHP2, protocol.CmdSW0RelOffer, "x", protocol.CmdTBond, protocol.CmdOrderbook})
	switch d.IntN(5) {
	case 0:
		c.line(at, to, d.junk(600))
	case 1:
		c.line(at, "", d.junk(600))
	case 2:
		c.say(at, to, command, d.junk(300))
	case 3:
		c.forge(at, to, command, strings.Repeat("x", 39_000))
	case 4:
		c.line(at, to, "!"+string(command)+" "+string(d.bytes(50))+" ~") // not printable
	}
}

// chunkOnce begins messages that have no end, and goes on with others.
func (c *crowd) chunkOnce(at *place) {
	to := pick(c.dice, c.m.trading)
	c.line(at, to, "!fill "+strings.Repeat("x", 400)+" ;")
	for range c.dice.IntN(3) {
		c.line(at, to, strings.Repeat("y", 400)+pick(c.dice, []string{" ;", " ;", "", " ~", ";"}))
	}
}

// errOnce says what only one's counterparty should say.
func (c *crowd) errOnce(at *place) {
	to := pick(c.dice, c.m.trading)
	c.say(at, to, protocol.CmdError, "Commitment is blacklisted: "+c.dice.hex(32))
	c.say(at, to, protocol.CmdPubKey, c.key.Public())
	c.m.ledger.anything(protocol.CmdPush, c.nick, to)
	c.say(at, to, protocol.CmdPush, line.Fields(line.Push{Tx: c.dice.tx()}))
}

// namesakeOnce speaks under the nick of somebody who is not there.
func (c *crowd) namesakeOnce(at *place) {
	d := c.dice
	other := pick(d, c.m.trading)
	if slices.Contains(c.m.where[other], at) {
		return
	}
	c.nick = other
	to := pick(d, c.m.trading)
	switch d.IntN(6) {
	case 0:
		c.public(at, fmt.Sprintf("!sw0reloffer %d 100000 5000000 0 0.00002 ~", d.IntN(4)))
	case 1:
		c.public(at, "!cancel 0!cancel 1")
	case 2:
		c.public(at, "!orderbook")
	case 3:
		c.forge(at, to, pick(d, []protocol.Command{protocol.CmdError, protocol.CmdPubKey, protocol.CmdFill}), d.junk(100))
	case 4: // what was said elsewhere, in its own name
		for _, p := range c.m.where[other] {
			for _, l := range p.Lines() {
				if l.From == other && l.To != "" {
					at.Say(l)
					break
				}
			}
		}
	case 5:
		at.Leave(other)
	}
}

// nobodyOnce speaks under what is no nick, or under the listener's own.
func (c *crowd) nobodyOnce(at *place) {
	to := pick(c.dice, c.m.trading)
	c.nick = pick(c.dice, []protocol.Nick{"", "J5", "NickServ", "J5AAAA", "J6mzzzzzz1AAAAOO", "J5mzzzzzz1AAAAO0", to})
	for _, text := range []string{"!orderbook", "!sw0reloffer 0 100000 5000000 0 0.00002 ~"} {
		at.Say(daemontest.Line{From: c.nick, Text: text})
	}
	if c.nick != to {
		c.say(at, to, protocol.CmdFill, fillText(filling{0, c.dice.amount(), c.dice.commitment(), c.key}))
		c.say(at, to, protocol.CmdError, "go away")
		at.Leave(c.nick)
	}
}
