package amp

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// maxEvents is how many events may wait for the loop while it waits for the
// daemon.
const maxEvents = 256

// session is a connection to our daemon, in the market under one nick.
type session struct {
	nick   protocol.Nick
	role   control.Role // watcher before JMSetup
	ready  bool         // the market can be used
	conn   *control.Conn
	events chan any
	ended  sync.WaitGroup
}

// enter enters the market as a watcher: what more it will be, JMSetup tells.
func (c *client) enter(nick protocol.Nick) error {
	ours, theirs := net.Pipe()
	s := &session{nick: nick, role: control.RoleWatcher, events: make(chan any, maxEvents)}
	s.ended.Go(func() {
		if err := c.cfg.Serve(c.ctx, theirs); err != nil {
			c.log.Warn("a session broke", "session", nick, "err", err)
		}
	})
	var err error
	s.conn, err = control.Connect(c.ctx, ours, control.Config{Software: "amp", Secret: c.cfg.Secret, Log: c.log})
	if err != nil {
		s.ended.Wait()
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	s.ended.Go(func() { s.conn.Run(c.ctx, handler{c, s}) })
	c.session = s
	start := control.StartRequest{Role: s.role, Nick: nick, Network: c.settings.network, Channels: c.settings.channels}
	if err := c.call(control.MethodStart, start, nil); err != nil {
		c.leave()
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

// leave leaves the market, if the client is in it, and returns when the session
// is over.
func (c *client) leave() {
	c.taker.stop()
	c.maker = maker{}
	c.stage = connected
	if c.session != nil {
		c.session.conn.Close()
		c.session.ended.Wait()
		c.session = nil
	}
}

// handler takes what the daemon sends.
type handler struct {
	c *client
	s *session
}

// Event implements control.Handler.
func (h handler) Event(name string, params json.RawMessage) {
	e, err := control.DecodeEvent(name, params)
	if err != nil {
		h.s.conn.Abort(fmt.Errorf("%w: event %s: %v", control.ErrMalformed, name, err))
		return
	}
	select {
	case h.s.events <- e:
	default:
		h.s.conn.Abort(fmt.Errorf("%w: %d events wait", control.ErrSlow, maxEvents))
	}
}

// Request implements control.Handler: it puts the daemon's question to the
// client.
func (h handler) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, questionWait)
	defer cancel()
	switch method {
	case control.QuestionSign:
		return h.c.sign(ctx, params)
	case control.QuestionVerify:
		return h.c.verify(ctx, params)
	case control.QuestionBond:
		return h.c.bond(ctx, h.s.nick, params)
	}
	return nil, fmt.Errorf("%w: %q", control.ErrUnknownMethod, method)
}

// questionWait is how long the client may take: somewhat longer than the daemon
// waits, so that the one who gives up is the daemon.
const questionWait = 25 * time.Second
