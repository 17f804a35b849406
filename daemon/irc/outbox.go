package irc

import (
	"net"
	"sync"
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
)

// Bounds of what waits to be sent. A taker's transaction for ten makers is
// about 1000 lines, which at the usual pace take 20 minutes.
const (
	maxQueuedLines  = 2048
	maxQueuedBytes  = 512 << 10
	maxQueuedUrgent = 16
	maxQueuedLater  = 512 // messages of each class but conversations
)

// class says what goes first when several messages wait.
type class int

// The classes, in the order in which they go. What anybody can have us say for a
// single line of his own must not hold up a conversation in which coins are shown:
// a flood of fills would take most of our lines for its answers (attack M7).
const (
	talking  class = iota // conversations
	newcomer              // pubkey, for whoever sends a fill
	anybody               // offers, refusals, what is handed on, the room
)

// writeTimeout bounds the writing of one line.
const writeTimeout = 30 * time.Second

// outbox holds the lines that wait for one connection. Its methods are safe from
// any goroutine.
type outbox struct {
	pace  *pace         // of ordinary lines
	board *board        // counts
	wake  chan struct{} // has room for one; filled when there is news

	mu     sync.Mutex              // protects the fields below
	urgent []string                // go at once, ahead of lines
	lines  []string                // go one per interval
	behind [anybody + 1][][]string // messages that go when there are no lines; none of talking
	count  int                     // of lines and those of behind
	bytes  int                     // of the same
	last   time.Time               // when the last ordinary line was taken
	waited bool                    // the next one had to wait for its turn

	writing bool          // a line was taken and is not yet written
	ended   bool          // nothing is written any more
	empty   chan struct{} // closed when lines are, for who waits; nil if nobody does
}

func newOutbox(p *pace, b *board) *outbox {
	return &outbox{pace: p, board: b, wake: make(chan struct{}, 1)}
}

// waiting counts the lines that wait, but for urgent ones.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// push queues lines behind what waits; see add.
func (o *outbox) push(lines ...string) error { return o.add(lines, talking) }

// add queues the lines of a message, all or none, behind the others of its class.
// A message goes when none of an earlier class waits, but nothing comes between
// two lines of one message. Of each class but the first only some may wait, so
// that they leave room for the others.
func (o *outbox) add(lines []string, c class) error {
	size := 0
	for _, line := range lines {
		if err := checkLine(line); err != nil {
			return err
		}
		size += len(line)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count+len(lines) > maxQueuedLines || o.bytes+size > maxQueuedBytes ||
		c != talking && (len(o.behind[c]) >= maxQueuedLater || o.bytes+size > maxQueuedBytes/2) {
		return channel.ErrFull
	}
	if c == talking {
		o.lines = append(o.lines, lines...)
	} else {
		o.behind[c] = append(o.behind[c], lines)
	}
	o.count += len(lines)
	o.bytes += size
	o.notify()
	return nil
}

// flushed is closed when all lines of conversations are written, or none will be.
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

// look tells who waits for it that lines are written; mu is held.
func (o *outbox) look() {
	if o.empty != nil && (o.ended || len(o.lines) == 0 && !o.writing) {
		close(o.empty)
		o.empty = nil
	}
}

// written notes that the line that was taken is out, or that none will be.
func (o *outbox) written(last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing, o.ended = false, o.ended || last
	o.look()
}

// first queues a line ahead of all others and free of the interval: what
// keeps the connection alive must not wait behind a long transaction.
func (o *outbox) first(line string) error {
	if err := checkLine(line); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.urgent) >= maxQueuedUrgent {
		return channel.ErrFull
	}
	o.urgent = append(o.urgent, line)
	o.notify()
	return nil
}

func (o *outbox) notify() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take removes the next line to write. Without one, wait is the time until an
// ordinary line's turn, 0 if none is there.
func (o *outbox) take() (line string, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.urgent) > 0 {
		line, o.urgent = o.urgent[0], o.urgent[1:]
		o.writing = true
		return line, 0
	}
	if o.count == 0 {
		return "", 0
	}
	if wait = time.Until(o.last.Add(o.pace.now())); wait > 0 {
		o.waited = true
		return "", wait
	}
	for c := range o.behind {
		if len(o.lines) == 0 && len(o.behind[c]) > 0 {
			o.lines, o.behind[c] = o.behind[c][0], o.behind[c][1:]
		}
	}
	line, o.lines = o.lines[0], o.lines[1:]
	o.count--
	o.bytes -= len(line)
	o.writing = true
	o.last = time.Now()
	if o.waited {
		o.waited = false
		o.board.change(func(s *Status) { s.Throttled++ })
	}
	return line, 0
}

// writeTo writes queued lines to conn until a write fails or done is closed.
func (o *outbox) writeTo(conn net.Conn, done <-chan struct{}) error {
	defer o.written(true)
	w := irc.NewWriter(conn)
	for {
		line, wait := o.take()
		if line != "" {
			if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
				return err
			}
			if err := w.Write(line); err != nil {
				return err
			}
			o.written(false)
			o.board.change(func(s *Status) { s.LinesOut++ })
			continue
		}
		var turn <-chan time.Time
		if wait > 0 {
			turn = time.After(wait)
		}
		select {
		case <-o.wake:
		case <-turn:
		case <-done:
			return nil
		}
	}
}
