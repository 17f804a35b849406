package daemon

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// lookWait is how long a session may take to tell where it stands.
const lookWait = 2 * time.Second

// present are the sessions in the market, each with what is known of it without
// asking it. The zero value is ready.
type present struct {
	mu     sync.Mutex // protects the fields below
	in     map[*session]control.SessionStatus
	closed bool
}

// enter fails with errStops after close.
func (p *present) enter(s *session, brief control.SessionStatus) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errStops
	}
	if p.in == nil {
		p.in = make(map[*session]control.SessionStatus)
	}
	p.in[s] = brief
	return nil
}

func (p *present) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// close lets nobody in any more, and returns who is.
func (p *present) close() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return slices.Collect(maps.Keys(p.in))
}

func (p *present) leave(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.in, s)
}

// Status is a picture of all sessions, in no order, of which there may be more
// than a control.StatusAnswer of the protocol holds, and of what was counted. A
// session that does not answer within 2 seconds is Busy. It is safe from any
// goroutine but a session's loop.
func (d *Daemon) Status(ctx context.Context) control.StatusAnswer {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	a := control.StatusAnswer{
		Version: d.cfg.Version, Clients: d.connected(), Since: d.since.Unix(), Counts: make(map[string]uint64),
	}
	for c, n := range d.counts.All() {
		if n > 0 {
			a.Counts[c.String()] = n
		}
	}
	d.present.mu.Lock()
	known := maps.Clone(d.present.in)
	d.present.mu.Unlock()
	seen := make(chan control.SessionStatus, len(known))
	for s, brief := range known {
		go func() { seen <- s.look(ctx, brief) }()
	}
	for range known {
		a.Sessions = append(a.Sessions, <-seen)
	}
	return a
}

// look asks the session where it stands; brief is the answer if it gives none.
func (s *session) look(ctx context.Context, brief control.SessionStatus) control.SessionStatus {
	answer := make(chan control.SessionStatus, 1)
	select {
	case s.events <- look{answer}:
	case <-s.ctx.Done():
		return brief
	case <-ctx.Done():
		brief.Busy = true
		return brief
	}
	select {
	case a := <-answer:
		return a
	case <-s.ctx.Done():
	case <-ctx.Done():
		brief.Busy = true
	}
	return brief
}

// look is the question where the session stands.
type look struct{ answer chan<- control.SessionStatus }

func (e look) happen(s *session) { e.answer <- s.picture() }

func (s *session) picture() control.SessionStatus {
	a := control.SessionStatus{
		Role: control.RoleWatcher, Since: s.since.Unix(), Ready: s.ready, Away: s.conn == nil, Peers: s.book.Peers(),
		Conversations: make(map[string]int),
		Verdicts:      s.in.known.count + s.in.strangers.count + s.in.asking,
		Signatures:    s.out.count + s.out.asking,
	}
	a.Offers, a.Makers = s.book.Count()
	switch k := s.role.(type) {
	case *maker:
		a.Role = control.RoleMaker
		for _, t := range k.talks {
			a.Conversations[string(t.State())]++
		}
	case *taker:
		a.Role = control.RoleTaker
		for _, t := range k.talks {
			if !t.State().Over() {
				a.Conversations[string(t.State())]++
			}
		}
	}
	for _, l := range s.links {
		a.Channels = append(a.Channels, l.report())
	}
	return a
}

// report is what the channel says of itself, or what its events did.
func (l *link) report() control.ChannelReport {
	r := control.ChannelReport{State: string(l.state), Code: l.code, Reason: l.reason}
	if c, ok := l.Channel.(channel.Reporter); ok {
		r = c.Report()
	}
	r.Channel = l.name
	return r
}

// status answers a client. It runs on the goroutine of the request.
func (o *door) status(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := control.Decode[control.StatusRequest](params)
	if err != nil {
		return nil, err
	}
	v, err := o.ask(ctx, control.MethodStatus, params)
	own, ok := v.(control.StatusAnswer)
	if !r.All || !ok {
		return v, err
	}
	all := o.d.Status(ctx)
	own.Since, own.Sessions, own.Counts = all.Since, all.Sessions, all.Counts
	if len(own.Sessions) > control.MaxStatusSessions {
		own.Sessions = own.Sessions[:control.MaxStatusSessions]
	}
	return own, nil
}
