package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Signer answers the daemon's questions with the key of the nick. It must be
// safe for use from several goroutines and must not call the daemon.
type Signer interface {
	Sign(control.SignRequest) (control.SignAnswer, error)
	Verify(control.VerifyRequest) control.VerifyAnswer
}

// maxEvents is how many events may wait for the client. The largest, with a
// transaction of protocol.MaxPush, make 25 MiB.
const maxEvents = 256

// Daemon is a daemon as its client sees it: a method for each command. Errors
// are those of control.Conn.Call.
type Daemon struct {
	*control.Conn
	signer Signer
	events chan any
}

// Open says hello over nc, which it owns from now on; see control.Connect. Run
// must follow.
func Open(ctx context.Context, nc net.Conn, cfg control.Config, signer Signer) (*Daemon, error) {
	conn, err := control.Connect(ctx, nc, cfg)
	if err != nil {
		return nil, err
	}
	return &Daemon{Conn: conn, signer: signer, events: make(chan any, maxEvents)}, nil
}

// Run serves the connection until it ends, by either side or by ctx, and then
// closes Events. It must be called once. It returns Err.
func (d *Daemon) Run(ctx context.Context) error {
	defer close(d.events)
	return d.Conn.Run(ctx, questions{d})
}

// Events delivers the events of the daemon in order, as the types that
// control.DecodeEvent names, such as control.ReadyEvent. Whoever uses the
// daemon must keep reading: when too many wait, the connection ends with
// control.ErrSlow. It is closed at the end of Run.
func (d *Daemon) Events() <-chan any { return d.events }

// Start enters the market; once per connection.
func (d *Daemon) Start(ctx context.Context, r control.StartRequest) (ans control.StartAnswer, err error) {
	err = d.Call(ctx, control.MethodStart, r, &ans)
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
func (d *Daemon) Announce(ctx context.Context, offers []protocol.Offer) error {
	return d.Call(ctx, control.MethodAnnounce, control.AnnounceRequest{Offers: offers}, nil)
}

// Fill begins an attempt and ends the previous one.
func (d *Daemon) Fill(ctx context.Context, r control.FillRequest) (ans control.FillAnswer, err error) {
	err = d.Call(ctx, control.MethodFill, r, &ans)
	return ans, err
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

// questions is the control.Handler of a Daemon.
type questions struct{ d *Daemon }

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
	}
	return nil, fmt.Errorf("%w: %q", control.ErrUnknownMethod, method)
}

func (q questions) Event(name string, params json.RawMessage) {
	event, err := control.DecodeEvent(name, params)
	switch {
	case err != nil:
		q.d.Abort(fmt.Errorf("%w: event %s: %v", control.ErrMalformed, name, err))
	case event != nil:
		select {
		case q.d.events <- event:
		default:
			q.d.Abort(fmt.Errorf("%w: %d events wait", control.ErrSlow, maxEvents))
		}
	}
}
