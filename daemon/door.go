package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// door is a connection and the session behind it: one of its own at first,
// another when the client comes back to that.
type door struct {
	d    *Daemon
	conn *control.Conn
	to   atomic.Pointer[session]

	enter   sync.Mutex // held while the client enters or comes back
	entered bool       // protected by enter
	wrong   int        // tokens of no session; protected by enter
}

// newDoor makes a door to a session of its own, which open sets running.
func newDoor(d *Daemon, conn *control.Conn) *door {
	o := &door{d: d, conn: conn}
	o.to.Store(newSession(d, conn))
	return o
}

// open serves the connection until it or ctx ends, and then the session, unless
// that waits for its client. It returns why the connection ended.
func (o *door) open(ctx context.Context) error {
	own := o.to.Load()
	o.d.serving.Go(own.run)
	stop := context.AfterFunc(ctx, func() { // so that the client does not try to come back
		o.conn.Abort(errStops)
	})
	o.conn.Run(context.WithoutCancel(ctx), o)
	stop()
	s := o.to.Load()
	if ctx.Err() != nil {
		s.cancel()
	}
	s.settle(o.conn)
	if s != own {
		own.settle(o.conn)
	}
	return o.conn.Err()
}

// Request brings the client's requests to the session.
func (o *door) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case control.MethodResume:
		return o.resume(params)
	case control.MethodStatus:
		return o.status(ctx, params)
	case control.MethodStart:
		o.enter.Lock()
		defer o.enter.Unlock()
		a, err := o.ask(ctx, method, params)
		o.entered = o.entered || err == nil
		return a, err
	}
	return o.ask(ctx, method, params)
}

// Event ignores events: a client has none to tell.
func (o *door) Event(string, json.RawMessage) {}

// ask has the session's loop answer a request.
func (o *door) ask(ctx context.Context, method string, params json.RawMessage) (any, error) {
	s := o.to.Load()
	r := &request{conn: o.conn, id: control.RequestID(ctx), method: method, params: params, answer: make(chan answer, 1)}
	s.post(r)
	select {
	case a := <-r.answer:
		return a.v, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.ctx.Done():
	}
	select {
	case a := <-r.answer: // the answer to leave, with which the session ended
		return a.v, a.err
	default:
		return nil, control.ErrClosed
	}
}

// maxWrong is how many wrong tokens a connection may show.
const maxWrong = 3

// resume puts the session of the token behind the door.
func (o *door) resume(params json.RawMessage) (any, error) {
	r, err := control.Decode[control.ResumeRequest](params)
	if err != nil {
		return nil, err
	}
	o.enter.Lock()
	defer o.enter.Unlock()
	if o.entered {
		return nil, fmt.Errorf("%w: this connection entered the market before; come back on another", control.ErrState)
	}
	own := o.to.Load()
	a := o.d.comeBack(o, r)
	if a.err != nil {
		o.wrong++
		if o.wrong >= maxWrong || !o.d.guess(time.Now()) {
			o.conn.Abort(a.err)
		}
		return nil, a.err
	}
	o.entered = true
	own.post(retired{})
	return a.v, nil
}

// retired tells a session that never entered the market that its client came
// back to another one.
type retired struct{}

func (retired) happen(s *session) { s.conn, s.over = nil, true }
