package daemon

import (
	"context"
	"fmt"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// errStops is what clients are told of a daemon that ends.
var errStops = fmt.Errorf("%w: the daemon stops", control.ErrClosed)

// Stop ends all sessions in the market, which takes until ctx ends at most, and
// returns when they are over. No client enters the market from now on, no
// attempt and no conversation begins. Conversations whose commitment is not yet
// opened end at once, with protocol.ReasonDaemonStops: nothing is lost with
// them. The others may go on, and what they said may leave, until ctx ends; a
// taker's session lasts until its client leaves, which may have the transaction
// to push. Clients outside the market stay connected. Close must follow.
func (d *Daemon) Stop(ctx context.Context) {
	sessions := d.present.close()
	for _, s := range sessions {
		select {
		case s.events <- stop{ctx}:
		case <-s.ctx.Done():
		case <-ctx.Done(): // its loop is stuck
			s.cancel()
		}
	}
	for _, s := range sessions {
		<-s.done
	}
}

// stop tells a session that the daemon stops when ctx ends.
type stop struct{ ctx context.Context }

func (e stop) happen(s *session) {
	s.stopping = e.ctx
	s.role.windDown()
}

// begins has the methods with which something new begins.
var begins = map[string]bool{control.MethodBecome: true, control.MethodAnnounce: true, control.MethodFill: true, control.MethodRefill: true}

// lastCall is closed when a session has to end; nil until it is told.
func (s *session) lastCall() <-chan struct{} {
	if s.stopping == nil {
		return nil
	}
	return s.stopping.Done()
}

// wrapUp ends a session that stops once there is nothing to wait for but lines
// of conversations, and these have left.
func (s *session) wrapUp() {
	switch {
	case s.stopping == nil || s.flushing:
	case s.conn == nil:
		s.over = true // nobody can come back, for we listen no more
	case s.role.busy() || s.out.count+s.out.asking > 0:
	default:
		s.flushing = true
		s.wg.Go(func() {
			for _, l := range s.links {
				if f, ok := l.Channel.(channel.Flusher); ok {
					f.Flush(s.stopping)
				}
			}
			s.post(flushed{})
		})
	}
}

// flushed tells that nothing is left to be done.
type flushed struct{}

func (flushed) happen(s *session) { s.over = true }

// farewell is why the conversations end with the session.
func (s *session) farewell() protocol.Reason {
	if s.stopping != nil {
		return protocol.ReasonDaemonStops
	}
	return protocol.ReasonClientGone
}
