package control

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
)

// Handler takes what the other side sends.
type Handler interface {
	// Request answers a request of the other side with a value that is
	// marshalled to JSON (nil: an empty object) or an error, of which code and
	// text travel if it wraps a Code. It runs on its own goroutine, at most
	// MaxConcurrent at once; ctx ends with the connection.
	Request(ctx context.Context, method string, params json.RawMessage) (any, error)
	// Event is called in order from the reader; it must not block, nor keep
	// the connection from reading in other ways.
	Event(name string, params json.RawMessage)
}

// Config says who we are.
type Config struct {
	// Software is the name and version of this end, at most 64 printable ASCII
	// characters.
	Software string
	// Features are names of additions to the protocol that this end
	// understands, at most 32 of 32 characters each.
	Features []string
	// Secret is what the client shows and the daemon demands. A daemon with an
	// empty one lets everybody in who can reach it.
	Secret Secret
	// Log gets faults of our own handlers; nil is silent.
	Log *slog.Logger
}

// Hello is what the other side said of itself.
type Hello struct {
	Software string   `json:"software"`
	Min      int      `json:"min"` // lowest protocol version
	Max      int      `json:"max"` // highest
	Features []string `json:"features,omitempty"`
}

// Secret admits a client. It prints as stars.
type Secret string

func (Secret) String() string       { return "***" }
func (Secret) GoString() string     { return "***" }
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// Conn is one end of a control connection after the hellos. All methods are
// safe from any goroutine.
type Conn struct{}

// Connect says hello as the client and checks the daemon's answer. It owns nc
// from now on and closes it on an error.
func Connect(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	return nil, errors.ErrUnsupported
}

// Accept is the daemon's end of Connect.
func Accept(ctx context.Context, nc net.Conn, cfg Config) (*Conn, error) {
	return nil, errors.ErrUnsupported
}

// Run reads and writes until the connection ends, by either side or by ctx, and
// until every handler has returned. It must be called exactly once; nothing is
// sent before. It returns Err.
func (c *Conn) Run(ctx context.Context, h Handler) error { return errors.ErrUnsupported }

// Call sends a request and waits for the answer, which is decoded into ans
// unless that is nil. A nil req sends an empty object. It waits while
// MaxOutstanding calls are without answer.
func (c *Conn) Call(ctx context.Context, method string, req, ans any) error {
	return errors.ErrUnsupported
}

// Notify queues an event. It never blocks: when the queue is full the
// connection ends with ErrSlow.
func (c *Conn) Notify(event string, v any) error { return errors.ErrUnsupported }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return nil }

// Err tells why the connection ended; nil while it has not.
func (c *Conn) Err() error { return nil }

// Close ends the connection after sending what is queued, for at most a second.
// It does not wait; Run does.
func (c *Conn) Close() {}

// Abort ends the connection because of the other side's fault. What is queued
// is dropped; the error is sent if it can be.
func (c *Conn) Abort(err error) {}

// Peer is the hello of the other side.
func (c *Conn) Peer() Hello { return Hello{} }

// Decode reads the parameters of a request, question or event, or an answer,
// and checks their bounds if T has a method Validate. Its errors are
// ErrBadRequest.
func Decode[T any](params json.RawMessage) (T, error) {
	var v T
	return v, errors.ErrUnsupported
}
