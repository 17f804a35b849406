package main

import (
	"context"
	"strconv"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// pingEvery is as often as texts of counterparties are shown to a client.
const pingEvery = 1100 * time.Millisecond

// pingWait is after which a ping is lost.
const pingWait = 30 * time.Second

// ping measures how long a private message takes from the sender's socket to the
// event at the receiver's client: over the server, and with the client's verdict
// on the signature in between.
func (m *market) ping(ctx context.Context) error {
	to, d, _, leave, err := m.enter(ctx, control.RoleMaker) // that offers nothing
	if err != nil {
		return err
	}
	defer leave()
	g, err := m.visit(ctx)
	if err != nil {
		return err
	}
	defer g.leave()
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		text := strconv.Itoa(n)
		sent := time.Now()
		g.whisper(to.nick, protocol.CmdError, g.body(text))
		lost := time.After(pingWait)
		for heard := false; !heard; {
			select {
			case ev, open := <-d.Events():
				e, ok := ev.(control.ErrorEvent)
				if heard = ok && e.Nick == g.nick && e.Text == text; heard {
					m.seen.relay(time.Since(sent))
				}
				if !open {
					return d.Err()
				}
			case <-lost:
				m.seen.relay(pingWait)
				heard = true
			case <-g.gone:
				return nil
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
