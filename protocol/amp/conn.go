package amp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Limits of a connection, beside those of a box.
const (
	// MaxQueue bounds the boxes that wait to be sent, MaxQueueBytes their bytes.
	// A full order book takes half of the latter.
	MaxQueue      = 1024
	MaxQueueBytes = 16 << 20
	// MaxUnanswered bounds our asks that have no answer yet.
	MaxUnanswered = 1024

	// FirstTimeout bounds the wait for the first box, StallTimeout that for the
	// rest of a box begun and for each 64 KiB that are sent. Between boxes there
	// is no limit.
	FirstTimeout = 30 * time.Second
	StallTimeout = 30 * time.Second
)

// Why a connection ended, beside ErrMalformed and ErrTooLarge; for errors.Is.
var (
	ErrClosed  = errors.New("connection closed")
	ErrSlow    = errors.New("the other side reads or answers too slowly")
	ErrTimeout = errors.New("the other side took too long")
	ErrRefused = errors.New("the other side refused")
)

const (
	linger    = time.Second // for what is still to be said at the end
	chunkSize = 64 << 10
)

// Conn is one end of a connection. Its methods are safe from any goroutine.
type Conn struct {
	nc    net.Conn
	r     *bufio.Reader // owned by the reader
	limit int           // bytes of a box of the other side
	queue chan []byte
	done  chan struct{}

	mu      sync.Mutex // protects the fields below and the deadlines of nc
	queued  int        // bytes
	last    uint64     // our latest tag
	waiting map[string]waiting
	err     error // why the connection ended
}

// waiting is an ask of ours without answer.
type waiting struct {
	command  string
	answered func(accepted bool)
}

// NewConn makes a connection of nc, which it owns. Boxes of the other side have
// at most limit bytes. Nothing happens before Run.
func NewConn(nc net.Conn, limit int) *Conn {
	return &Conn{nc: nc, r: bufio.NewReader(nc), limit: limit, queue: make(chan []byte, MaxQueue),
		done: make(chan struct{}), waiting: make(map[string]waiting)}
}

// Run reads and writes until the connection ends, by either side or by ctx. It
// must be called once. asked takes each ask, in order, on one goroutine; while
// it runs nothing is read. Run returns Err.
func (c *Conn) Run(ctx context.Context, asked func(Ask)) error {
	defer context.AfterFunc(ctx, c.Close)()
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(asked)
	}()
	c.write()
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		<-read // closing with unread bytes would destroy what we said last
	}
	c.nc.Close()
	<-read
	return c.Err()
}

// Done is closed when the connection has ended. Run may still be sending the
// last boxes.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err tells why the connection ended: ErrClosed if either side closed it
// without a fault. It is nil before the end.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection once what is queued has been sent, which is tried
// for a second. It does not wait; Run does.
func (c *Conn) Close() { c.Abort(fmt.Errorf("%w by this side", ErrClosed)) }

// Abort is Close because of a fault. The first reason counts.
func (c *Conn) Abort(err error) { c.end(err, linger) }

func (c *Conn) end(err error, within time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	close(c.queue)
	clear(c.waiting)
	c.nc.SetDeadline(time.Now().Add(within))
}

// setDeadline gives the next reads or writes their time, 0 for no limit, unless
// the connection has ended.
func (c *Conn) setDeadline(set func(time.Time) error, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
	case d == 0:
		set(time.Time{})
	default:
		set(time.Now().Add(d))
	}
}

// read takes boxes until the end, then swallows what else comes.
func (c *Conn) read(asked func(Ask)) {
	idle := FirstTimeout
	for c.Err() == nil {
		c.setDeadline(c.nc.SetReadDeadline, idle)
		_, err := c.r.Peek(1)
		if err == nil {
			idle = 0
			c.setDeadline(c.nc.SetReadDeadline, StallTimeout)
			var box Box
			if box, err = Read(c.r, c.limit); err == nil {
				err = c.take(box, asked)
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			c.end(fmt.Errorf("%w by the other side", ErrClosed), linger)
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.end(fmt.Errorf("%w: a box did not come in time", ErrTimeout), linger)
		case errors.Is(err, ErrMalformed), errors.Is(err, ErrTooLarge), errors.Is(err, ErrRefused):
			c.end(err, linger)
		default:
			c.end(fmt.Errorf("%w: %w", ErrClosed, err), 0)
		}
	}
	io.Copy(io.Discard, c.nc)
}

// write is the one writer.
func (c *Conn) write() {
	for encoded := range c.queue {
		for chunk := range slices.Chunk(encoded, chunkSize) {
			c.setDeadline(c.nc.SetWriteDeadline, StallTimeout)
			if _, err := c.nc.Write(chunk); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					err = ErrSlow
				} else {
					err = fmt.Errorf("%w: %w", ErrClosed, err)
				}
				c.end(err, 0)
				return
			}
		}
		c.mu.Lock()
		c.queued -= len(encoded)
		c.mu.Unlock()
	}
}

// send queues a box. When too much waits the connection ends with ErrSlow.
func (c *Conn) send(b Box) error {
	encoded, err := b.Append(nil)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return c.err
	}
	full := c.queued+len(encoded) > MaxQueueBytes
	if !full {
		select {
		case c.queue <- encoded:
			c.queued += len(encoded)
		default:
			full = true
		}
	}
	c.mu.Unlock()
	if full {
		c.end(fmt.Errorf("%w: too much waits to be sent", ErrSlow), 0)
		return c.Err()
	}
	return nil
}

// Ask asks the other side, without waiting. args are the arguments, to which it
// adds the command and a tag; it owns them. answered is called from the reader,
// so it must not block, when the answer comes. If it is nil, an answer other
// than "accepted" ends the connection with ErrRefused, as an error box always
// does. Errors: ErrTooLarge, for this ask alone, and Err.
func (c *Conn) Ask(command string, args Box, answered func(accepted bool)) error {
	c.mu.Lock()
	if c.err == nil && len(c.waiting) >= MaxUnanswered {
		c.mu.Unlock()
		c.end(fmt.Errorf("%w: it left %d asks without answer", ErrSlow, MaxUnanswered), 0)
		return c.Err()
	}
	c.last++
	tag := strconv.FormatUint(c.last, 16)
	if c.err == nil {
		c.waiting[tag] = waiting{command, answered}
	}
	c.mu.Unlock()
	args[keyCommand], args[keyAsk] = command, tag
	err := c.send(args)
	if err != nil {
		c.mu.Lock()
		delete(c.waiting, tag)
		c.mu.Unlock()
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
