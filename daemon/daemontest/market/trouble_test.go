package market

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// breakPits has pits break, come back and lose lines.
func (m *market) breakPits(ctx context.Context) {
	d := newDice(m.seed, "network")
	for sleep(ctx, d.seconds(1, 40)) {
		p := pick(d, m.places)
		switch d.IntN(3) {
		case 0:
			p.Break()
			sleep(ctx, d.seconds(0, 20))
			p.Mend()
		case 1:
			share, lots := d.between(1, 50), newDice(d.Uint64(), "losses")
			p.Lose(func(daemontest.Line) bool { return lots.chance(share) }) // the pit calls it for one line at a time
			sleep(ctx, d.seconds(1, 20))
			p.Lose(nil)
		case 2:
			p.Leave(pick(d, m.trading)) // who is still there
		}
	}
}

// echo is a server that says every private message of a daemon's client twice,
// the second time a moment later. That harms nobody who is honest.
func (m *market) echo(ctx context.Context) {
	late := newDice(m.seed, "echo").seconds(0, 1)
	for {
		select {
		case e := <-m.echoes:
			if !sleep(ctx, time.Until(e.at.Add(late))) {
				return
			}
			m.ledger.resaid(e.lines[0].From, e.lines[0].To)
			e.on.Say(e.lines...)
		case <-ctx.Done():
			return
		}
	}
}

// echo is a private message that a server says once more.
type echo struct {
	at    time.Time
	on    *place
	lines []daemontest.Line
}

// lie is a server that says again what it heard, in the names of those who said
// it and to whomever it likes, and has members leave who do not.
func (m *market) lie(ctx context.Context) {
	d := newDice(m.seed, "server")
	for sleep(ctx, d.seconds(0, 5)) {
		p := pick(d, m.places)
		all := p.Lines()
		if len(all) == 0 {
			continue
		}
		for range d.between(1, 10) {
			l := pick(d, all)
			to := l.To
			if l.To != "" && d.chance(30) {
				to = pick(d, m.trading)
			}
			if l.To != "" && d.chance(30) {
				_, rest, found := strings.Cut(l.Text, " ")
				if found {
					l.Text = "!" + string(pick(d, []protocol.Command{protocol.CmdFill, protocol.CmdPubKey, protocol.CmdAuth, protocol.CmdTx,
						protocol.CmdError, protocol.CmdPush, protocol.CmdHP2, protocol.CmdIOAuth, protocol.CmdSig})) + " " + rest
				}
			}
			l.To = to // perhaps as another command, which no signature covers
			m.ledger.resaid(l.From, l.To)
			m.ledger.anything(protocol.CmdPubKey, l.From, l.To) // what was a key or a transaction comes as one that it was not
			m.ledger.anything(protocol.CmdPush, l.From, l.To)
			p.Say(l)
		}
		if d.chance(20) {
			p.Leave(pick(d, m.trading))
		}
	}
}

// stop stops a daemon, as a signal does.
func (m *market) stop(ctx context.Context) {
	d := newDice(m.seed, "stop")
	sleep(ctx, d.seconds(1, 120))
	grace, cancel := context.WithTimeout(context.Background(), d.seconds(0, 10))
	defer cancel()
	m.daemons[0].Stop(grace)
	if err := m.daemons[0].Close(); err != nil {
		m.ledger.broken("daemon 0: %v", err)
	}
}

// suffer does to a client what is to happen to it, while the run lasts.
func (c *client) suffer(ctx context.Context) {
	d := newDice(c.m.seed, fmt.Sprint("trouble ", c.nick))
	if c.trouble == blink {
		c.blink(ctx, d)
		return
	}
	if !sleep(ctx, d.seconds(1, 90)) {
		return
	}
	switch c.trouble {
	case torn:
		for range d.between(1, 4) {
			if !c.tear(d.seconds(0, 80), func() {}) || !sleep(ctx, d.seconds(0, 30)) {
				return
			}
		}
	case gone:
		c.mu.Lock()
		nc := c.nc
		c.mu.Unlock()
		if nc != nil {
			nc.Close()
		}
	case mute:
		c.setMute(true)
		sleep(ctx, d.seconds(1, 100))
		c.setMute(false)
	case deaf:
		hear := c.stopReading()
		sleep(ctx, d.seconds(1, 100))
		hear()
	case rude:
		for range d.between(1, 60) {
			c.insult(d)
			if d.chance(20) && !sleep(ctx, d.seconds(0, 5)) {
				return
			}
		}
	}
}

// blink has the connection break and come back, again and again.
func (c *client) blink(ctx context.Context, d dice) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return
	}
	for sleep(ctx, d.seconds(0, 3)) {
		hear := c.stopReading() // so that something is lost with the connection
		sleep(ctx, d.seconds(0, 3))
		if !c.tear(d.seconds(0, 3), hear) {
			return
		}
	}
}

// stopReading has the client read nothing until hear is called.
func (c *client) stopReading() (hear func()) {
	stuck := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = stuck
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stuck = nil
		close(stuck)
	}
}

func (c *client) setMute(muted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.muted = muted
}

// insult asks for what may not be asked, or not now, or of which nothing comes.
func (c *client) insult(d dice) {
	nobody := nickOf('n', d.IntN(100))
	requests := []struct {
		method string
		params any
	}{
		{control.MethodStart, control.StartRequest{Role: control.RoleMaker, Nick: nobody, Network: "regtest"}},
		{control.MethodResume, control.ResumeRequest{Token: control.Credential(d.hex(32))}},
		{control.MethodBecome, control.BecomeRequest{Role: control.RoleTaker}},
		{control.MethodIOAuth, control.IOAuthRequest{Conversation: d.Uint64()>>8 + 1000, IOAuth: d.ioauth(1)}},
		{control.MethodSigs, control.SigsRequest{Conversation: d.Uint64()>>8 + 1000, Sigs: d.sigs(1)}},
		{control.MethodRefuse, control.RefuseRequest{Conversation: d.Uint64()>>8 + 1000, Reason: protocol.ReasonNoFunds}},
		{control.MethodAuth, control.AuthRequest{Attempt: 1000, Makers: []protocol.Nick{nobody}, Revelation: "x"}},
		{control.MethodTx, control.TxRequest{Attempt: 1000, Makers: []protocol.Nick{nobody}, Tx: d.tx()}},
		{control.MethodPush, control.PushRequest{Maker: nobody, Tx: d.tx()}},
		{control.MethodFill, control.FillRequest{Amount: sats.Max + 1, Commitment: d.commitment()}},
		{control.MethodRefresh, nil},
		{control.MethodOrderbook, nil},
		{control.MethodStatus, control.StatusRequest{All: true}},
		{"nonsense", nil},
		{control.MethodAnnounce, json.RawMessage(`{"offers":[{"type":"x"}]}`)},
		{control.MethodFill, json.RawMessage(`[1,2,3]`)},
		{control.MethodTx, json.RawMessage(`{"attempt":-1}`)},
	}
	r := pick(d, requests)
	switch r.method {
	case control.MethodResume: // three of them end the connection
		if d.chance(90) {
			return
		}
	}
	err := c.call(r.method, r.params, nil)
	switch r.method {
	case control.MethodRefresh, control.MethodOrderbook, control.MethodStatus, control.MethodRefuse:
	default:
		if err == nil {
			c.m.ledger.broken("%s: %s was done for a rude client", c.nick, r.method)
		}
	}
}
