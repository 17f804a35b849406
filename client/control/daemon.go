package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Signer answers the daemon's questions with the key of the nick. It must be
// safe for use from several goroutines and must not call the daemon.
type Signer interface {
	Sign(control.SignRequest) (control.SignAnswer, error)
	Verify(control.VerifyRequest) control.VerifyAnswer
}

// Prover is a Signer of a maker with a fidelity bond, under the same conditions.
type Prover interface {
	Bond(control.BondRequest) (control.BondAnswer, error)
}

// maxEvents is how many events may wait for the client. The largest, with a
// transaction of protocol.MaxPush, make 25 MiB.
const maxEvents = 256

// Daemon is a daemon as its client sees it: a method for each command. When the
// connection breaks, the daemon is dialled again and the session resumed, if
// the daemon can do so; commands wait meanwhile, and are done once. Errors are
// those of control.Conn.Call, and Err when the session is over.
type Daemon struct {
	dial   Dialer
	cfg    control.Config
	signer Signer
	events chan any
	ended  chan struct{} // closed when the session is over
	ids    atomic.Uint64 // of the last command

	mu         sync.Mutex    // protects the fields below
	conn       *control.Conn // nil while there is none
	back       chan struct{} // closed when there is one again
	peer       control.Hello
	heard      uint64 // events of the session
	resumption control.Resumption
	err        error // why the session is over
}

// Dialer connects to a daemon and tells the secret that it demands, as Dial
// does.
type Dialer func(ctx context.Context) (net.Conn, control.Secret, error)

// Open dials and says hello; see control.Connect for cfg, in which Secret and
// Features are not used. Run must follow.
func Open(ctx context.Context, dial Dialer, cfg control.Config, signer Signer) (*Daemon, error) {
	cfg.Features = []string{control.FeatureResume}
	d := &Daemon{dial: dial, cfg: cfg, signer: signer, events: make(chan any, maxEvents),
		ended: make(chan struct{}), back: make(chan struct{})}
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	d.conn, d.peer = conn, conn.Peer()
	return d, nil
}

// connect dials and says hello.
func (d *Daemon) connect(ctx context.Context) (*control.Conn, error) {
	nc, secret, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	cfg := d.cfg
	cfg.Secret = secret
	conn, err := control.Connect(ctx, nc, cfg)
	if err != nil {
		return nil, fmt.Errorf("greeting the daemon: %w", err)
	}
	return conn, nil
}

// Events delivers the events of the daemon in order, as the types that
// control.DecodeEvent names, such as control.ReadyEvent. Whoever uses the
// daemon must keep reading: when too many wait, the session ends with
// control.ErrSlow. It is closed at the end of Run.
func (d *Daemon) Events() <-chan any { return d.events }

// Peer is what the daemon said of itself last.
func (d *Daemon) Peer() control.Hello {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peer
}

// Done is closed when the session is over.
func (d *Daemon) Done() <-chan struct{} { return d.ended }

// Err tells why the session is over; nil while it is not, also while its
// connection is gone. control.ErrClosed: either side ended it; control.ErrResume:
// the daemon has forgotten it.
func (d *Daemon) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// end ends the session, once.
func (d *Daemon) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
		close(d.ended)
	}
}

// Call sends a command and waits for the answer, over as many connections as it
// takes.
func (d *Daemon) Call(ctx context.Context, method string, req, ans any) error {
	id := d.ids.Add(1)
	for {
		conn, back := d.current()
		if conn != nil {
			err := conn.CallAs(ctx, id, method, req, ans)
			ended := conn.Err()
			if err == nil || ctx.Err() != nil || ended == nil || !errors.Is(err, ended) {
				return err
			}
			d.part(conn)
			continue
		}
		select {
		case <-back:
		case <-d.ended:
			return fmt.Errorf("%s: %w", method, d.Err())
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", method, context.Cause(ctx))
		}
	}
}

func (d *Daemon) current() (*control.Conn, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn, d.back
}

// part notes that a connection is over.
func (d *Daemon) part(conn *control.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == conn {
		d.conn, d.back = nil, make(chan struct{})
	}
}

// leaveWait bounds the goodbye to the daemon.
const leaveWait = time.Second

// Close says goodbye to the daemon, if it is there, and ends the session. It
// does not wait for Run.
func (d *Daemon) Close() {
	// Ended first: a connection on which the session is just being resumed is
	// either seen here or says goodbye itself.
	d.end(fmt.Errorf("%w by this side", control.ErrClosed))
	if conn, _ := d.current(); conn != nil {
		d.leave(conn)
	}
}

// leave says goodbye on a connection and closes it.
func (d *Daemon) leave(conn *control.Conn) {
	if conn.Peer().Has(control.FeatureResume) {
		ctx, cancel := context.WithTimeout(context.Background(), leaveWait)
		conn.CallAs(ctx, d.ids.Add(1), control.MethodLeave, nil, nil)
		cancel()
	}
	conn.Close()
}

// Start enters the market; once per session.
func (d *Daemon) Start(ctx context.Context, r control.StartRequest) (ans control.StartAnswer, err error) {
	if err = d.Call(ctx, control.MethodStart, r, &ans); err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.resumption = ans.Resumption
	}
	return ans, err
}

// Status asks for a picture of the session.
func (d *Daemon) Status(ctx context.Context) (ans control.StatusAnswer, err error) {
	err = d.Call(ctx, control.MethodStatus, nil, &ans)
	return ans, err
}

// Refresh asks all makers for their offers.
func (d *Daemon) Refresh(ctx context.Context) error {
	return d.Call(ctx, control.MethodRefresh, nil, nil)
}

// Orderbook asks for a copy of the order book.
func (d *Daemon) Orderbook(ctx context.Context) (ans control.OrderbookAnswer, err error) {
	err = d.Call(ctx, control.MethodOrderbook, nil, &ans)
	return ans, err
}

// Announce replaces the maker's offers.
func (d *Daemon) Announce(ctx context.Context, r control.AnnounceRequest) error {
	return d.Call(ctx, control.MethodAnnounce, r, nil)
}

// Fill begins an attempt and ends the previous one.
func (d *Daemon) Fill(ctx context.Context, r control.FillRequest) (ans control.FillAnswer, err error) {
	err = d.Call(ctx, control.MethodFill, r, &ans)
	return ans, err
}

// Refill asks further makers within an attempt.
func (d *Daemon) Refill(ctx context.Context, r control.RefillRequest) error {
	return d.Call(ctx, control.MethodRefill, r, nil)
}

// Auth opens the commitment to makers.
func (d *Daemon) Auth(ctx context.Context, r control.AuthRequest) error {
	return d.Call(ctx, control.MethodAuth, r, nil)
}

// Tx sends the unsigned transaction to makers.
func (d *Daemon) Tx(ctx context.Context, r control.TxRequest) error {
	return d.Call(ctx, control.MethodTx, r, nil)
}

// Push asks a maker to broadcast.
func (d *Daemon) Push(ctx context.Context, r control.PushRequest) error {
	return d.Call(ctx, control.MethodPush, r, nil)
}

// IOAuth answers a control.AuthEvent.
func (d *Daemon) IOAuth(ctx context.Context, r control.IOAuthRequest) error {
	return d.Call(ctx, control.MethodIOAuth, r, nil)
}

// Sigs answers a control.TxEvent.
func (d *Daemon) Sigs(ctx context.Context, r control.SigsRequest) error {
	return d.Call(ctx, control.MethodSigs, r, nil)
}

// Refuse ends a conversation.
func (d *Daemon) Refuse(ctx context.Context, r control.RefuseRequest) error {
	return d.Call(ctx, control.MethodRefuse, r, nil)
}

// questions is the control.Handler of a Daemon on one connection.
type questions struct {
	d    *Daemon
	conn *control.Conn
}

func (q questions) Request(_ context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case control.QuestionSign:
		r, err := control.Decode[control.SignRequest](params)
		if err != nil {
			return nil, err
		}
		return q.d.signer.Sign(r)
	case control.QuestionVerify:
		r, err := control.Decode[control.VerifyRequest](params)
		if err != nil {
			return nil, err
		}
		return q.d.signer.Verify(r), nil
	case control.QuestionBond:
		prover, ok := q.d.signer.(Prover)
		if !ok {
			break
		}
		r, err := control.Decode[control.BondRequest](params)
		if err != nil {
			return nil, err
		}
		return prover.Bond(r)
	}
	return nil, fmt.Errorf("%w: %q", control.ErrUnknownMethod, method)
}

func (q questions) Event(name string, params json.RawMessage) {
	q.d.mu.Lock()
	q.d.heard++
	q.d.mu.Unlock()
	event, err := control.DecodeEvent(name, params)
	switch {
	case err != nil:
		q.abort(fmt.Errorf("%w: event %s: %v", control.ErrMalformed, name, err))
	case event != nil:
		select {
		case q.d.events <- event:
		default:
			q.abort(fmt.Errorf("%w: %d events wait", control.ErrSlow, maxEvents))
		}
	}
}

// abort ends connection and session.
func (q questions) abort(err error) {
	q.d.end(err)
	q.conn.Abort(err)
}
