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

	"github.com/joinmarket-go/joinmarket/daemon/count"
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
	ctx    context.Context // ends with the session; nothing is posted after
	cancel context.CancelFunc
	done   chan struct{} // closed when the session is over and all it started has returned
	events chan event
	wg     sync.WaitGroup // all goroutines but the loop; only the loop adds

	endpoint *endpoint       // the client
	conn     *control.Conn   // on which it is; nil while it is away
	away     *alarm          // while it is away: when that was too long
	over     bool            // the loop is to end
	stopping context.Context // ends when the session has to; nil before Daemon.Stop
	flushing bool            // the session ends when its last lines have left
	answered answered
	guest    bool   // beyond Bounds.Clients: may only come back to its session
	free     func() // gives the place back

	clock *clock
	role  role // nil before start
	plays control.Role
	since time.Time // of start
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
	s := &session{
		d: d, log: d.log, done: make(chan struct{}), events: make(chan event, eventQueue),
		endpoint: newEndpoint(conn), conn: conn, free: func() {}, clock: newClock(), errors: rate.New(errorRate),
	}
	s.ctx, s.cancel = context.WithCancel(d.ctx)
	s.in = newVerifier(s)
	s.out = sender{s: s, queues: make(map[protocol.Nick]*outbox)}
	return s
}

// run serves the client until it has left, is away for too long, or ctx ends.
// Then it leaves the channels and waits for all goroutines.
func (s *session) run() {
	defer close(s.done)
	s.loop()
	s.d.forget(s)
	s.d.present.leave(s)
	if s.role != nil {
		s.safely("end", func() { s.role.end(s.farewell()) })
	}
	s.cancel()
	s.wg.Wait()
	s.free()
	switch conn := s.conn; {
	case conn == nil:
	case s.stopping != nil:
		conn.Finish(errStops)
	default:
		time.AfterFunc(leaveWait, conn.Close) // unless the client does
	}
}

// leaveWait is how long a client that said leave has to read the answer.
const leaveWait = time.Second

func (s *session) loop() {
	for !s.over {
		var gone <-chan struct{}
		if s.conn != nil {
			gone = s.conn.Done()
		}
		select {
		case e := <-s.events:
			s.safely(fmt.Sprintf("%T", e), func() { e.happen(s) })
		case <-s.clock.timer.C:
			for a := s.clock.due(time.Now()); a != nil; a = s.clock.due(time.Now()) {
				s.safely("alarm", a.ring)
			}
		case <-gone:
			s.parted(s.conn)
		case <-s.lastCall():
			return
		case <-s.ctx.Done():
			return
		}
		s.wrapUp()
	}
}

// safely keeps a panic from ending more than the work on one event: no peer may
// stop a session by something we did not think of. The panic's value may hold
// what no log should, so only the runtime's own errors are logged.
func (s *session) safely(what string, work func()) {
	defer func() {
		if r := recover(); r != nil {
			fault, _ := r.(runtime.Error)
			s.d.counts.Inc(count.FaultPanic)
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

// tell sends the client an event, or keeps it for a client that is away.
func (s *session) tell(name string, v any) {
	if err := s.endpoint.tell(name, v); err != nil {
		s.d.counts.Inc(count.FaultEvent)
		s.log.Error("event not sent", "event", name, "err", err)
	}
}

// ask puts a question to the client on a goroutine of its own.
func (s *session) ask(question func(ctx context.Context) event) {
	s.wg.Go(func() { s.post(question(s.ctx)) })
}

// request is a request of the client.
type request struct {
	conn   *control.Conn // on which it came
	id     uint64
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
	defer func() { a.reply(r.answer) }() // also after a panic
	if r.conn != s.conn {
		a.err = fmt.Errorf("%w: the client is on another one", control.ErrClosed) // and repeats it there
		return
	}
	s.d.confirm(s)
	if before, ok := s.answered.find(r); ok {
		a = before
		return
	}
	a.v, a.err = s.serve(r.method, r.params)
	if s.endpoint.lasting {
		s.answered.keep(r, a)
	}
}

// serve answers what every role may ask, and leaves the rest to the role.
func (s *session) serve(method string, params json.RawMessage) (any, error) {
	if s.role == nil && method != control.MethodStart && method != control.MethodStatus && method != control.MethodLeave {
		return nil, fmt.Errorf("%w: %s before start", control.ErrState, method)
	}
	if s.stopping != nil && begins[method] {
		return nil, errStops
	}
	switch method {
	case control.MethodStart:
		return s.start(params)
	case control.MethodLeave:
		s.over = true
		return nil, nil
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
