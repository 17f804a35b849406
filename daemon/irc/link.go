package irc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
)

// Times within a connection.
const (
	joinTimeout  = 90 * time.Second  // for a server to let us in, besides our own pace
	pingInterval = 120 * time.Second // the reference's
	deadAfter    = 300 * time.Second // without a line, although we sent PING
	nickRetry    = 10 * time.Second  // the reference's, while our nick is in use
	rejoinDelay  = 10 * time.Second  // after we were put out of the room
	quitTimeout  = 5 * time.Second   // for QUIT to reach the server
)

// link is one connection. Its fields belong to the goroutine that runs it.
type link struct {
	*Channel
	sink func(channel.Event)
	out  *outbox

	phase   phase
	joiner  *chunk.Joiner // of private messages, while up
	server  string        // its name, or the host's until it told one
	hostID  string        // what private messages are signed for
	upSince time.Time     // of the first time; zero if never

	deadline <-chan time.Time // of the phase, nil when up
	ping     <-chan time.Time // time for the next PING
	retry    <-chan time.Time // time to send again
	again    string           // what is sent then
}

// phase is how far a connection has come:
//
//	registering --001--> joining --JOIN--> up --KICK--> outside --JOIN--> up
type phase int

const (
	registering phase = iota
	joining
	up
	outside
)

// connection makes one connection and serves it to its end. It returns when the
// channel last came up, zero if it did not, and why the connection ended.
func (c *Channel) connection(ctx context.Context, sink func(channel.Event)) (upSince time.Time, err error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return time.Time{}, err
	}
	l := &link{
		Channel: c,
		sink:    sink,
		out:     newOutbox(c.cfg.LineInterval),
		server:  c.cfg.Host,
		hostID:  c.cfg.Host + strconv.Itoa(int(c.cfg.Port)),
	}
	var running sync.WaitGroup
	done := make(chan struct{})
	defer func() {
		close(done)
		conn.Close()
		running.Wait()
	}()
	in := make(chan *irc.Message)
	failed := make(chan error, 2)
	running.Go(func() { failed <- read(conn, in, done) })
	running.Go(func() {
		if err := l.out.writeTo(conn, done); err != nil {
			failed <- fmt.Errorf("writing: %w", err)
		}
	})
	err = l.serve(ctx, in, failed)
	if ctx.Err() != nil {
		l.leave(in, failed)
	}
	return l.upSince, err
}

// serve registers and then acts on lines and on time until one of them ends the
// connection, or ctx does.
func (l *link) serve(ctx context.Context, in <-chan *irc.Message, failed <-chan error) error {
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
		case err = <-failed:
		case <-l.retry:
			err = l.out.first(l.again)
		case <-l.ping:
			err = l.out.first("PING " + l.server)
			l.ping = time.After(pingInterval)
		case <-l.deadline:
			err = errors.New("the server did not let us into the room in time")
		case <-dead.C:
			err = errors.New("the server is silent")
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// leave says QUIT and waits until the server has closed the connection, but not
// for long. Lines that come meanwhile are not ours any more.
func (l *link) leave(in <-chan *irc.Message, failed <-chan error) {
	l.out.finish("QUIT :")
	timeout := time.After(quitTimeout)
	for {
		select {
		case <-in:
		case <-failed:
			return
		case <-timeout:
			return
		}
	}
}
