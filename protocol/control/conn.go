package control

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Handler takes what the other side sends.
type Handler interface {
	// Request answers a request of the other side with a value that is
	// marshalled to JSON (nil: an empty object) or an error, of which code and
	// text travel if it wraps a Code. It runs on its own goroutine, at most
	// MaxConcurrent at once; ctx ends with the connection, and RequestID tells
	// the id of the request.
	Request(ctx context.Context, method string, params json.RawMessage) (any, error)
	// Event is called in order from the reader. It must not block, as the
	// connection reads nothing meanwhile.
	Event(name string, params json.RawMessage)
}

// Conn is one end of a control connection after the hellos. All methods are
// safe from any goroutine.
type Conn struct {
	nc                    net.Conn
	r                     *bufio.Reader // owned by Run
	readLimit, writeLimit int
	peer                  Hello
	log                   *slog.Logger

	out   *outbox
	calls calls
	inbox inbox // owned by the reader and the request goroutines
	done  chan struct{}
	began time.Time
	heard atomic.Int64 // the last frame, in ns since began

	mu      sync.Mutex // protects the fields below and the deadlines of nc
	err     error      // why the connection ended
	endBy   time.Time  // after the end: when nc is closed at the latest
	running bool
}

func newConn(nc net.Conn, r *bufio.Reader, peer Hello, log *slog.Logger, readLimit, writeLimit int) *Conn {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Conn{
		nc: nc, r: r, readLimit: readLimit, writeLimit: writeLimit, peer: peer, log: log,
		out: newOutbox(), calls: newCalls(), done: make(chan struct{}), began: time.Now(),
	}
}

// Peer is the hello of the other side.
func (c *Conn) Peer() Hello { return c.peer }

// Heard is when the last frame of the other side came, or when the hellos were
// done if none has. A clock that is set meanwhile is of no concern.
func (c *Conn) Heard() time.Time { return c.began.Add(time.Duration(c.heard.Load())) }

// Done is closed when the connection has ended. Run may still be sending the
// last frames.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err tells why the connection ended: ErrClosed if either side closed it
// without a fault, otherwise what went wrong. It is nil before the end.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Notify queues an event, checked as by Decode. It never blocks: when the queue
// is full the connection ends with ErrSlow. ErrBadRequest and ErrTooLarge mean
// that this event cannot be sent; the connection goes on.
func (c *Conn) Notify(event string, v any) error {
	e, err := NewEvent(event, v)
	if err != nil {
		return err
	}
	return c.Send(e)
}

// Event is an event ready to be sent, to one connection or to several after
// each other.
type Event struct{ encoded []byte }

// NewEvent checks an event as by Decode. Its errors are ErrBadRequest and
// ErrTooLarge.
func NewEvent(name string, v any) (Event, error) {
	params, err := encode(v)
	if err != nil {
		return Event{}, fmt.Errorf("event %s: %w", name, err)
	}
	encoded, err := (&frame{Event: name, Params: params}).encode(MaxFrame)
	if err != nil {
		return Event{}, fmt.Errorf("event %s: %w", name, err)
	}
	return Event{encoded}, nil
}

// Size is what the event takes in memory and on the wire, in bytes.
func (e Event) Size() int { return len(e.encoded) }

// Send queues an event as Notify does.
func (c *Conn) Send(e Event) error {
	if size := e.Size() - headerSize; size > c.writeLimit {
		return fmt.Errorf("event: %w", tooLarge("frame", size, c.writeLimit))
	}
	if err := c.out.offer(e.encoded); err != nil {
		c.Abort(err) // or it has ended before
		return c.Err()
	}
	return nil
}

// Close ends the connection once what is queued has been sent, which Run tries
// for a second. It does not wait; Run does.
func (c *Conn) Close() {
	c.end(fmt.Errorf("%w by this side", ErrClosed), linger, func() { c.out.finish(true, nil) })
}

// Finish is Close with a word why, which the other side gets last. It lets the
// requests that run be answered before, which may take a second.
func (c *Conn) Finish(err error) {
	last, encodeErr := (&frame{Error: wireError(err)}).encode(MaxHelloFrame)
	if encodeErr != nil {
		last = nil
	}
	end := func() { c.end(err, linger, func() { c.out.finish(true, last) }) }
	c.inbox.whenIdle(end)
	time.AfterFunc(linger, end)
}

// Abort ends the connection because of a fault. What is queued is dropped; the
// other side is told err if it still listens.
func (c *Conn) Abort(err error) {
	last, encodeErr := (&frame{Error: wireError(err)}).encode(MaxHelloFrame)
	if encodeErr != nil {
		last = nil
	}
	c.end(err, linger, func() { c.out.finish(false, last) })
}

// lost ends the connection when nothing more can be sent.
func (c *Conn) lost(err error) {
	c.end(err, 0, func() { c.out.finish(false, nil) })
}

// end makes err stick if it is the first.
func (c *Conn) end(err error, within time.Duration, finish func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	c.endBy = time.Now().Add(within)
	close(c.done)
	finish()
	c.nc.SetDeadline(c.endBy)
	if !c.running {
		time.AfterFunc(within, func() { c.nc.Close() }) // unless Run comes and does so sooner
	}
}

// setDeadline gives the next read or write its time: d from now, or no limit
// for 0, but never more than is left after the end.
func (c *Conn) setDeadline(set func(time.Time) error, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		set(c.endBy)
	case d == 0:
		set(time.Time{})
	default:
		set(time.Now().Add(d))
	}
}
