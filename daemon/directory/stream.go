package directory

import (
	"container/list"
	"net"
	"sync"
	"time"
)

// stream is what a peer sends. It gives every line its time, and long ones their
// memory.
type stream struct {
	nc     net.Conn
	rest   []byte // what came behind the PROXY line
	longs  *longs
	victim func() // closes the peer when others need the memory

	hello bool // it has come: lines have a time of their own
	timed bool // a deadline is set for one
	place *list.Element
	held  int // bytes, guarded by longs
}

// shortLine is the greatest part of a line that is read at once without asking
// for memory. An onion.Reader doubles its buffer as a line grows.
const shortLine = 1024

// Read is that of the connection.
func (s *stream) Read(to []byte) (int, error) {
	if len(s.rest) > 0 {
		n := copy(to, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	s.rest = nil
	if len(to) >= shortLine {
		s.longs.take(s, 2*len(to))
	}
	return s.nc.Read(to)
}

// greeted ends the time for the hello.
func (s *stream) greeted() {
	s.hello = true
	s.nc.SetReadDeadline(time.Time{})
}

// begun gives a line that has begun to come its time (attack N3).
func (s *stream) begun() {
	if !s.hello {
		return
	}
	s.timed = true
	s.nc.SetReadDeadline(time.Now().Add(lineWait))
}

// done is called behind each line.
func (s *stream) done() {
	if s.timed {
		s.timed = false
		s.nc.SetReadDeadline(time.Time{})
	}
	if s.place != nil {
		s.longs.give(s)
	}
}

// longs bounds the memory of long lines that are on their way, of all peers
// together. Whose line began to be long first makes room: honest ones come whole
// within seconds.
type longs struct {
	most int

	mu      sync.Mutex
	used    int
	holders list.List // of *stream
}

// take makes what s holds size bytes at least.
func (l *longs) take(s *stream, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size <= s.held {
		return
	}
	l.used += size - s.held
	s.held = size
	if s.place == nil {
		s.place = l.holders.PushBack(s)
	}
	for l.used > l.most && l.holders.Front() != s.place {
		oldest := l.holders.Remove(l.holders.Front()).(*stream)
		l.used -= oldest.held
		oldest.held = 0
		oldest.victim()
	}
}

// give gives back what s holds.
func (l *longs) give(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.held > 0 {
		l.holders.Remove(s.place)
		l.used -= s.held
	}
	s.place, s.held = nil, 0
}
