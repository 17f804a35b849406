// Package ircd is a small IRC server inside the process, for tests and for the
// playground only: it has no passwords, no operators, no flood control and no
// peers. It speaks the subset of RFC 1459 that market participants use and cuts
// lines at 512 bytes as real servers do.
package ircd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Bounds of the server.
const (
	maxClients = 512
	maxRooms   = 8    // a client is in
	maxWaiting = 1024 // lines waiting to be written to a client
	maxLine    = 512  // bytes of a line with its CR LF
)

// Config of a server.
type Config struct {
	Name    string // of the server; empty means irc.localhost
	Network string // told in reply 005; empty: 005 has no NETWORK
}

// Server is an IRC server. Its methods are safe from any goroutine.
type Server struct {
	cfg Config

	mu      sync.Mutex // protects the fields below and those of each client
	clients map[*client]struct{}
	nicks   map[string]*client              // by lower-case nick
	rooms   map[string]map[*client]struct{} // by lower-case name; never empty
}

// New builds a server without clients.
func New(cfg Config) *Server {
	if cfg.Name == "" {
		cfg.Name = "irc.localhost"
	}
	return &Server{
		cfg:     cfg,
		clients: make(map[*client]struct{}),
		nicks:   make(map[string]*client),
		rooms:   make(map[string]map[*client]struct{}),
	}
}

// Serve accepts clients until ctx ends or the listener fails. It closes the
// listener and all connections, and returns when every goroutine it started
// has. The end of ctx is no error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	var running sync.WaitGroup
	defer func() {
		stop()
		l.Close()
		s.closeAll()
		running.Wait()
	}()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting IRC clients: %w", err)
		}
		c := newClient(conn)
		if err := s.add(c); err != nil {
			conn.Close()
			continue
		}
		running.Go(c.writeLoop)
		running.Go(func() { s.readLoop(c) })
	}
}

// Kick throws a nick out of a room, as an operator would. It reports whether
// the nick was in the room.
func (s *Server) Kick(room, nick, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.nicks[fold(nick)]
	if c == nil || !s.inRoom(c, room) {
		return false
	}
	s.toRoom(room, nil, fmt.Sprintf(":%s KICK %s %s :%s", s.cfg.Name, room, c.nick, reason))
	s.leave(c, room)
	return true
}

// Kill ends the connection of a nick with an ERROR line. It reports whether the
// nick was there.
func (s *Server) Kill(nick, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.nicks[fold(nick)]
	if c != nil {
		s.drop(c, "Killed: "+reason)
	}
	return c != nil
}

// Inject writes a raw line to a nick, whatever it says. It reports whether the
// nick was there.
func (s *Server) Inject(nick, line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.nicks[fold(nick)]
	if c != nil {
		s.send(c, line)
	}
	return c != nil
}

var errFull = errors.New("too many clients")

func (s *Server) add(c *client) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients) >= maxClients {
		return errFull
	}
	s.clients[c] = struct{}{}
	return nil
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		s.drop(c, "Server going down")
	}
}

// drop ends a client: its neighbours see it quit and its writer closes the
// connection once the lines that wait are out. The caller holds mu.
func (s *Server) drop(c *client, reason string) {
	if _, here := s.clients[c]; !here {
		return
	}
	delete(s.clients, c)
	neighbours := s.neighbours(c)
	for room := range c.rooms {
		s.leave(c, room)
	}
	if s.nicks[fold(c.nick)] == c {
		delete(s.nicks, fold(c.nick))
	}
	c.enqueue("ERROR :Closing Link: " + reason)
	close(c.done)
	for n := range neighbours {
		s.send(n, fmt.Sprintf(":%s QUIT :%s", c.prefix(), reason))
	}
}

// neighbours are the other clients that share a room with c. The caller holds
// mu.
func (s *Server) neighbours(c *client) map[*client]struct{} {
	found := make(map[*client]struct{})
	for room := range c.rooms {
		for n := range s.rooms[room] {
			if n != c {
				found[n] = struct{}{}
			}
		}
	}
	return found
}

// send queues a line to c; a client that does not read is dropped. The caller
// holds mu.
func (s *Server) send(c *client, line string) {
	if !c.enqueue(line) {
		s.drop(c, "SendQ exceeded")
	}
}

// toRoom sends a line to the members of a room other than except. The caller
// holds mu.
func (s *Server) toRoom(room string, except *client, line string) {
	for c := range s.rooms[fold(room)] {
		if c != except {
			s.send(c, line)
		}
	}
}

func (s *Server) inRoom(c *client, room string) bool {
	_, in := c.rooms[fold(room)]
	return in
}

// leave takes c out of a room without telling anybody. The caller holds mu.
func (s *Server) leave(c *client, room string) {
	room = fold(room)
	delete(c.rooms, room)
	delete(s.rooms[room], c)
	if len(s.rooms[room]) == 0 {
		delete(s.rooms, room)
	}
}

// fold makes names comparable: case does not count (CASEMAPPING=ascii).
func fold(name string) string { return strings.ToLower(name) }
