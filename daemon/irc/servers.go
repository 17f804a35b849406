package irc

import (
	"net"
	"strconv"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/random"
)

// server is one of the servers of the channel's network.
type server struct {
	address  string // host:port
	host     string
	hostID   string    // for a server that does not tell the network's name
	failures int       // in a row
	due      time.Time // not before
	refused  bool      // our nick, which stays as it is
}

// parseServer reads host:port.
func parseServer(address string) (*server, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil, false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, false
	}
	return &server{address: address, host: host, hostID: host + port}, true
}

// rotation is the servers of a channel and whose turn it is. There is one
// connection at a time: a nick can be on a network only once.
type rotation struct {
	servers []*server
	last    int // index of the one tried last
}

// next chooses the server that may be tried first; of several, the one that
// follows the last in the list. It is nil if all have refused our nick.
func (r *rotation) next() *server {
	var best *server
	now := time.Now()
	turn := func(s *server) time.Time { // all that are due are equal
		if s.due.Before(now) {
			return now
		}
		return s.due
	}
	for i := range r.servers {
		n := (r.last + 1 + i) % len(r.servers)
		s := r.servers[n]
		if !s.refused && (best == nil || turn(s).Before(turn(best))) {
			best = s
		}
	}
	return best
}

// begin notes that a server is tried now.
func (r *rotation) begin(s *server) {
	for i := range r.servers {
		if r.servers[i] == s {
			r.last = i
		}
	}
}

// failed notes that a connection ended, and when the server may be tried again.
func (s *server) failed(cause Cause, lasted time.Duration) {
	if lasted >= stableAfter {
		s.failures = 0
	}
	s.due = time.Now().Add(jitter(backoffOf(cause).wait(s.failures)))
	s.failures++
}

// jitter is half of d to one and a half of it.
func jitter(d time.Duration) time.Duration { return d/2 + random.N(d) }
