package onion

import (
	"net"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// Bounds of what waits to be written to one connection, and of one write.
const (
	maxOutBytes    = 1 << 20   // a directory
	maxDirectBytes = 256 << 10 // others
	writeTimeout   = time.Minute
)

// letter is a line on its way. Of a private one it is known for whom it is, so
// that it can take another way if this one breaks.
type letter struct {
	line []byte
	to   protocol.Nick // empty: for whoever is at the other end
}

// newLetter writes a message out.
func newLetter(m onion.Message, to protocol.Nick) (letter, error) {
	line, err := m.Append(nil)
	if err != nil {
		return letter{}, channel.ErrTooLarge
	}
	return letter{line, to}, nil
}

// outbox holds what waits to be written to one connection. Its methods are safe
// from any goroutine.
type outbox struct {
	max  int           // bytes
	wake chan struct{} // has room for one

	mu      sync.Mutex // protects the fields below
	waiting []letter
	bytes   int
	writing bool
	ended   bool
	empty   chan struct{} // closed when nothing waits, for who wants to know; or nil
	written uint64
}

// newOutbox holds at most so many bytes.
func newOutbox(max int) *outbox { return &outbox{max: max, wake: make(chan struct{}, 1)} }

// add queues a line. It fails with channel.ErrFull, or ErrDown when the
// connection has ended.
func (o *outbox) add(l letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ended:
		return channel.ErrDown
	case o.bytes+len(l.line) > o.max:
		return channel.ErrFull
	}
	o.waiting = append(o.waiting, l)
	o.bytes += len(l.line)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// end lets nothing be added any more, and returns what was not written.
func (o *outbox) end() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended, o.writing = true, false
	left := o.waiting
	o.waiting, o.bytes = nil, 0
	o.look()
	return left
}

// flushed is closed when nothing waits, or never will be written.
func (o *outbox) flushed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.empty == nil {
		o.empty = make(chan struct{})
	}
	empty := o.empty
	o.look()
	return empty
}

// look tells who wants to know that nothing waits; mu is held.
func (o *outbox) look() {
	if o.empty != nil && len(o.waiting) == 0 && !o.writing {
		close(o.empty)
		o.empty = nil
	}
}

// take removes the next line, after the one before is out.
func (o *outbox) take() (l letter, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing = len(o.waiting) > 0 && !o.ended; !o.writing {
		o.look()
		return letter{}, false
	}
	l = o.waiting[0]
	o.waiting = o.waiting[1:]
	o.bytes -= len(l.line)
	o.written++
	return l, true
}

// writeTo writes lines to conn until a write fails, which closes conn, or done is
// closed.
func (o *outbox) writeTo(conn net.Conn, done <-chan struct{}) {
	for {
		l, ok := o.take()
		if !ok {
			select {
			case <-o.wake:
			case <-done:
				return
			}
			continue
		}
		conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // the write reports its error
		if _, err := conn.Write(l.line); err != nil {
			conn.Close()
			return
		}
	}
}

// counts is how many lines wait, and how many were taken to be written.
func (o *outbox) counts() (waiting int, written uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting), o.written
}
