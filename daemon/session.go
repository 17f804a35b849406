package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/orderbook"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// session is one client and what the daemon does for it. Its loop owns all
// fields but the first group.
type session struct {
	d      *Daemon
	log    *slog.Logger
	conn   *control.Conn
	ctx    context.Context // ends with the session; nothing is posted after
	events chan event
	wg     sync.WaitGroup // all goroutines but the loop; only the loop adds

	clock *clock
	role  role // nil before start
	nick  protocol.Nick
	links []*link // in the order of the configuration
	ready bool    // EventReady was sent
	book  *orderbook.Book
	in    verifier
	out   sender

	errors rate.Bucket // texts of counterparties told to the client
}

// event is something that happened, to be worked off by the loop.
type event interface{ happen(s *session) }

// eventQueue is how many events may wait for the loop before whoever brings one
// has to wait, and with it what it reads from.
const eventQueue = 64

func newSession(d *Daemon, conn *control.Conn) *session {
	s := &session{d: d, log: d.log, conn: conn, events: make(chan event, eventQueue), clock: newClock(), errors: rate.New(errorRate)}
	s.in = newVerifier(s)
	s.out = sender{s: s, queues: make(map[protocol.Nick]*outbox)}
	return s
}

// run serves the client until the connection or ctx ends, then leaves the
// channels and waits for all goroutines.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	s.wg.Go(func() { s.conn.Run(ctx, handler{s}) })
	s.loop()
	if s.role != nil {
		s.safely("end", s.role.end)
	}
	cancel()
	s.wg.Wait()
	return s.conn.Err()
}

func (s *session) loop() {
	for {
		select {
		case e := <-s.events:
			s.safely(fmt.Sprintf("%T", e), func() { e.happen(s) })
		case <-s.clock.timer.C:
			for a := s.clock.due(time.Now()); a != nil; a = s.clock.due(time.Now()) {
				s.safely("alarm", a.ring)
			}
		case <-s.conn.Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// safely keeps a panic from ending more than the work on one event: no peer may
// stop a session by something we did not think of. The panic's value may hold
// what no log should, so only the runtime's own errors are logged.
func (s *session) safely(what string, work func()) {
	defer func() {
		if r := recover(); r != nil {
			fault, _ := r.(runtime.Error)
			s.log.Error("panic in a session", "event", what, "err", fault, "stack", string(debug.Stack()))
		}
	}()
	work()
}

// post brings an event to the loop; it is lost if the session ends first.
func (s *session) post(e event) {
	select {
	case s.events <- e:
	case <-s.ctx.Done():
	}
}

// tell sends the client an event. That fails only if the connection is over, or
// if the event breaks the control protocol, which is our own fault.
func (s *session) tell(name string, v any) {
	if err := s.conn.Notify(name, v); err != nil && s.conn.Err() == nil {
		s.log.Error("event not sent", "event", name, "err", err)
	}
}

// questionWait is how long the client may take for a signature or a verdict:
// less than any wait for a counterparty, so that the right one is blamed.
const questionWait = 20 * time.Second

// ask puts a question to the client on a goroutine of its own.
func (s *session) ask(question func(ctx context.Context) event) {
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, questionWait)
		defer cancel()
		s.post(question(ctx))
	})
}

// handler brings the client's requests to the loop.
type handler struct{ s *session }

func (h handler) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	r := &request{method: method, params: params, answer: make(chan answer, 1)}
	h.s.post(r)
	select {
	case a := <-r.answer:
		return a.v, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-h.s.ctx.Done():
		return nil, control.ErrClosed
	}
}

// Event ignores events: a client has none to tell.
func (h handler) Event(string, json.RawMessage) {}

// request is a request of the client.
type request struct {
	method string
	params json.RawMessage
	answer chan answer
}

type answer struct {
	v   any
	err error
}

func (r *request) happen(s *session) {
	a := answer{err: fmt.Errorf("%w: see the daemon's log", control.ErrInternal)}
	defer func() { r.answer <- a }() // also after a panic
	a.v, a.err = s.serve(r.method, r.params)
}

// serve answers what every role may ask, and leaves the rest to the role.
func (s *session) serve(method string, params json.RawMessage) (any, error) {
	if s.role == nil && method != control.MethodStart && method != control.MethodStatus {
		return nil, fmt.Errorf("%w: %s before start", control.ErrState, method)
	}
	switch method {
	case control.MethodStart:
		return s.start(params)
	case control.MethodBecome:
		return s.become(params)
	case control.MethodStatus:
		return s.status(), nil
	case control.MethodRefresh:
		return nil, s.sendPublic([]string{"!" + string(protocol.CmdOrderbook)})
	case control.MethodOrderbook:
		return s.book.Snapshot(), nil
	}
	return s.role.request(method, params)
}

func (s *session) status() control.StatusAnswer {
	a := control.StatusAnswer{Version: s.d.cfg.Version, Nick: s.nick, Clients: s.d.connected()}
	if s.role != nil {
		a.Offers, a.Makers = s.book.Count()
		a.Conversations = s.role.conversations()
	}
	for _, l := range s.links {
		a.Channels = append(a.Channels, l.event())
	}
	return a
}
