package taker

import (
	"context"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// grace is how much longer than the daemon we wait for a maker: the daemon
// knows better why it did not answer.
const grace = 5 * time.Second

// stage is the wait for one kind of answer of several makers.
type stage struct {
	size    int                    // of what each was sent, in bytes
	pending map[protocol.Nick]bool // who has not answered yet; take removes
	late    protocol.Reason        // why those are dropped who do not answer
	// take is given every event of the attempt except FailedEvent.
	take func(event any)
	// left is told of a failure of somebody who is not pending; may be nil.
	left func(control.FailedEvent)
}

// gather waits until nobody is pending or the time for an answer is over, which
// begins when the last of those asked has been sent what it is to answer.
// Makers that fail or stay silent are dropped. It returns an error when the
// session or the context ends.
func (a *attempt) gather(ctx context.Context, s stage) error {
	sending := control.Airtime(a.cfg.Timeouts.Line, len(s.pending), s.size)
	timer := time.NewTimer(sending + a.cfg.Timeouts.Answer + grace)
	defer timer.Stop()
	for len(s.pending) > 0 {
		select {
		case event, open := <-a.cfg.Daemon.Events():
			if !open {
				return a.daemonError(nil)
			}
			failed, ok := event.(control.FailedEvent)
			switch {
			case !ok:
				s.take(event)
			case failed.Attempt != a.number:
			case s.pending[failed.Maker]:
				delete(s.pending, failed.Maker)
				a.drop(failed.Maker, failed.Reason, failed.Text)
			case s.left != nil:
				s.left(failed)
			}
		case <-timer.C:
			for nick := range s.pending {
				a.drop(nick, s.late, "")
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// drain reads events that are of no interest, because the session must be read
// on, until stop is called or the session is over.
func (a *attempt) drain() (stop func()) {
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case _, open := <-a.cfg.Daemon.Events():
				if !open {
					return // the next command will tell
				}
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		reader.Wait()
	}
}

// leaver returns a stage.left that drops makers from those who have answered.
func leaver[V any](a *attempt, answered map[protocol.Nick]V) func(control.FailedEvent) {
	return func(failed control.FailedEvent) {
		if _, ok := answered[failed.Maker]; ok {
			delete(answered, failed.Maker)
			a.drop(failed.Maker, failed.Reason, failed.Text)
		}
	}
}

// nicksOf returns the keys of a map as a set of their own.
func nicksOf[V any](m map[protocol.Nick]V) map[protocol.Nick]bool {
	set := make(map[protocol.Nick]bool, len(m))
	for nick := range m {
		set[nick] = true
	}
	return set
}
