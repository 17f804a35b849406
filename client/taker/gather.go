package taker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
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
	size int             // of what each is sent, in bytes
	late protocol.Reason // why those are dropped who do not answer
	// limit is for the whole stage, beside what sending takes; 0: Timeouts.Answer
	// and grace, or longer for those asked last.
	limit time.Duration

	// pending are the makers that are asked and still have time, tardy those that
	// had it: others were asked in their place, and an answer is welcome still.
	pending, tardy map[protocol.Nick]bool

	// take is given every event of the attempt except FailedEvent. It calls
	// answered for what it accepts. An error ends the stage.
	take func(event any) error
	// left is told of a failure of somebody who is waited for no more; may be nil.
	left func(control.FailedEvent)
	// lacking is how many answers more are wanted; the stage ends at 0.
	lacking func() int
	// fine reports whether the stage may end without the tardy; nil: never.
	fine func() bool
	// more asks up to n others and returns them; nil: nobody else can be asked.
	more func(n int) ([]protocol.Nick, error)
}

// answered reports whether an answer of a maker is waited for; from then on it
// is not. So the first answer wins (attack T9).
func (s *stage) answered(nick protocol.Nick) bool {
	waited := s.pending[nick] || s.tardy[nick]
	delete(s.pending, nick)
	delete(s.tardy, nick)
	return waited
}

// gather waits until enough makers have answered, nobody is left to be waited
// for, or the time is over. The time of each begins when the last of those
// asked has been sent what it is to answer. In the place of makers that fail or
// stay silent others are asked, as far as there are any; those that never
// answered are dropped. It returns an error when the session or the context
// ends.
func (a *attempt) gather(ctx context.Context, s *stage) error {
	s.tardy = map[protocol.Nick]bool{}
	deadline, patience := time.NewTimer(0), time.NewTimer(0)
	defer deadline.Stop()
	defer patience.Stop()
	var asked, until time.Time
	// sent gives count makers their time, from when they have been sent what they
	// are to answer.
	sent := func(count int) {
		sending := control.Airtime(a.lineInterval(ctx), count, s.size)
		asked = time.Now().Add(sending)
		wait := sending + a.pace.patience(a.cfg.Timeouts.Answer)
		patience.Reset(wait)
		switch {
		case until.IsZero():
			until = asked.Add(cmp.Or(s.limit, a.cfg.Timeouts.Answer+grace))
		case s.limit != 0:
			until = until.Add(sending)
		case until.Before(time.Now().Add(wait)):
			until = time.Now().Add(wait)
		}
		deadline.Reset(time.Until(until))
	}
	if len(s.pending) > 0 {
		sent(len(s.pending))
	}
	for s.lacking() > 0 {
		if n := s.lacking() - len(s.pending); n > 0 && s.more != nil {
			others, err := s.more(n)
			if err != nil {
				return err
			}
			if len(others) == 0 {
				s.more = nil
			} else {
				for _, nick := range others {
					s.pending[nick] = true
				}
				sent(len(others))
			}
		}
		if len(s.pending) == 0 && (len(s.tardy) == 0 || s.fine != nil && s.fine()) {
			break
		}
		select {
		case event, open := <-a.cfg.Daemon.Events():
			if !open {
				return a.daemonError(nil)
			}
			before := len(s.pending)
			if failed, ok := event.(control.FailedEvent); ok {
				a.failed(s, failed)
			} else if err := s.take(event); err != nil {
				return err
			} else if len(s.pending) < before {
				a.pace.heard(time.Since(asked))
			}
		case <-patience.C:
			maps.Copy(s.tardy, s.pending)
			clear(s.pending)
		case <-deadline.C:
			maps.Copy(s.tardy, s.pending)
			a.dropTardy(s)
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	a.dropTardy(s)
	return nil
}

// lineInterval is the time between two lines on the slowest channel: as it is
// configured, or as a server has taught the daemon.
func (a *attempt) lineInterval(ctx context.Context) time.Duration {
	slowest := a.cfg.Timeouts.Line
	status, err := a.cfg.Daemon.Status(ctx)
	if err != nil {
		return slowest // what comes next tells the same
	}
	for _, c := range status.Channels {
		slowest = max(slowest, c.LineInterval)
	}
	return slowest
}

// failed drops a maker that the daemon has given up.
func (a *attempt) failed(s *stage, e control.FailedEvent) {
	switch {
	case e.Attempt != a.number:
	case s.answered(e.Maker):
		a.drop(e.Maker, e.Reason, e.Text)
	case s.left != nil:
		s.left(e)
	}
}

// dropTardy drops the makers that have had their time.
func (a *attempt) dropTardy(s *stage) {
	for _, nick := range slices.Sorted(maps.Keys(s.tardy)) {
		a.drop(nick, s.late, fmt.Sprintf("no answer to %s in time", a.step))
	}
}

// pace is how fast the makers of an attempt have answered so far.
type pace struct{ slowest time.Duration }

func (p *pace) heard(took time.Duration) { p.slowest = max(p.slowest, took) }

// The bounds of a pace's patience, as far as the time for an answer lets them.
const (
	firstPatience = 15 * time.Second // while there was no answer yet
	leastPatience = 10 * time.Second
)

// patience is how long an answer is waited for before somebody else is asked as
// well: three times the slowest answer so far, at most half of the time for an
// answer.
func (p *pace) patience(answer time.Duration) time.Duration {
	if p.slowest == 0 {
		return min(answer/2, firstPatience)
	}
	return min(answer/2, max(leastPatience, 3*p.slowest))
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
