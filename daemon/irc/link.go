package irc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/protocol/chunk"
)

// Times within a connection.
const (
	joinTimeout  = 90 * time.Second  // for a server to let us in, besides our own pace
	pingInterval = 120 * time.Second // the reference's
	lateAfter    = 20 * time.Second  // an answer to PING that took longer is a complaint
	deadAfter    = 300 * time.Second // without a line, although we sent PING
	nickRetry    = 10 * time.Second  // the reference's, while our nick is in use
	lastWait     = 2 * time.Second   // for the server's reason when it takes no more lines
)

// link is one connection. Its fields belong to the goroutine that runs it.
type link struct {
	*Channel
	out *outbox

	phase    phase
	joiner   *chunk.Joiner // of private messages, while up
	server   string        // its name, or the host's until it told one
	hostID   string        // what private messages are signed for
	asked    bool          // to log in by SASL
	answered bool          // the server, with what SASL wants
	loggedIn bool          // SASL is done
	alerts   int           // of the room's topic that were told
	refusals int           // of the room, in a row
	upSince  time.Time     // of the present stay in the room; zero if not in it
	entered  bool          // the room, at least once
	lasted   time.Duration // the longest stay in the room

	deadline <-chan time.Time // of the phase; nil when up
	ping     <-chan time.Time // time for the next PING
	pinged   time.Time        // when it was sent; zero if it was answered
	retry    <-chan time.Time // time to send again
	again    string           // what is sent then
}

// phase is how far a connection has come:
//
//	registering --001--> joining --JOIN--> up
//	                        ^   \          /
//	                     retry  refused  KICK
//	                         \    v      v
//	                          +-- outside
type phase int

const (
	registering phase = iota
	joining
	up
	outside
)

// connection makes one connection and serves it to its end. It returns how long
// the link was up, and why the connection ended.
func (c *Channel) connection(ctx context.Context, s *server) (lasted time.Duration, err error) {
	c.board.enter(LinkConnecting)
	c.board.change(func(b *Status) { b.Server = s.address })
	conn, err := c.dial(ctx, s)
	if err != nil {
		return 0, err
	}
	c.board.change(func(b *Status) { b.Connections++ })
	l := &link{Channel: c, out: newOutbox(c.pace, &c.board), server: s.host, hostID: s.hostID}
	var running sync.WaitGroup
	done := make(chan struct{})
	defer func() {
		close(done)
		conn.Close()
		running.Wait()
	}()
	in := make(chan *irc.Message)
	unread, unwritten := make(chan error, 1), make(chan error, 1)
	running.Go(func() { unread <- read(conn, &c.board, in, done) })
	running.Go(func() {
		if err := l.out.writeTo(conn, done); err != nil {
			unwritten <- fmt.Errorf("writing: %w", err)
		}
	})
	err = l.serve(ctx, in, unread, unwritten)
	l.leftRoom()
	return l.lasted, err
}

// serve registers and then acts on lines and on time until one of them ends the
// connection, or ctx does.
func (l *link) serve(ctx context.Context, in <-chan *irc.Message, unread, unwritten <-chan error) error {
	if err := l.register(); err != nil {
		return err
	}
	dead := time.NewTimer(deadAfter)
	defer dead.Stop()
	for {
		var err error
		select {
		case m := <-in:
			dead.Reset(deadAfter)
			err = l.receive(m)
		case err = <-unread:
		case err = <-unwritten:
			err = l.lastWords(in, unread, err)
		case <-l.retry:
			err = l.tryAgain()
		case <-l.ping:
			err = l.out.first("PING " + l.server)
			l.pinged, l.ping = time.Now(), time.After(pingInterval)
		case <-l.deadline:
			err = because(CauseTimeout, "the server did not let us into the room in time")
		case <-dead.C:
			err = because(CauseSilent, "the server is silent")
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// lastWords looks for why the server closed a connection, which it says before,
// although we notice by a line that we could not write. An error of the server
// takes the place of ours.
func (l *link) lastWords(in <-chan *irc.Message, unread <-chan error, ours error) error {
	if errors.Is(ours, os.ErrDeadlineExceeded) {
		return ours // it is not closed but stuck
	}
	timeout := time.After(lastWait)
	for {
		select {
		case m := <-in:
			if err := l.receive(m); err != nil {
				return err
			}
		case <-unread:
			return ours
		case <-timeout:
			return ours
		}
	}
}

// ponged handles the answer to our PING. One that comes late shows that the
// server works off our lines more slowly than we send them.
func (l *link) ponged() {
	if !l.pinged.IsZero() && time.Since(l.pinged) > lateAfter {
		l.complaint("an answer took " + time.Since(l.pinged).Round(time.Second).String())
	}
	l.pinged = time.Time{}
}

// complaint handles that the server finds us too fast.
func (l *link) complaint(text string) {
	before := l.pace.now()
	l.pace.complaint()
	l.board.complaint()
	if l.pace.now() == before {
		return // as slow as can be: no more to tell
	}
	l.log.Info("the server wants us to be slower", "reason", free(text), "line_interval", l.pace.now())
}

// notice handles what our server itself tells us. Only a complaint about our
// pace is of concern.
func (l *link) notice(m *irc.Message) {
	if m.Name != l.server || l.phase == registering {
		return
	}
	lower := strings.ToLower(m.Trailing())
	for _, word := range []string{"flood", "too fast", "throttl", "slow down"} {
		if strings.Contains(lower, word) {
			l.complaint(m.Trailing())
			return
		}
	}
}
