package ircd

import (
	"bufio"
	"net"
	"time"

	"gopkg.in/irc.v4"
)

// writeTimeout bounds the writing of one line to a client.
const writeTimeout = 10 * time.Second

// client is one connection. Fields after done are protected by Server.mu.
type client struct {
	conn net.Conn
	out  chan string
	done chan struct{} // closed when the server has dropped the client

	nick, user string // nick is empty until one was accepted
	registered bool
	rooms      map[string]struct{} // lower-case names
}

func newClient(conn net.Conn) *client {
	return &client{
		conn:  conn,
		out:   make(chan string, maxWaiting),
		done:  make(chan struct{}),
		rooms: make(map[string]struct{}),
	}
}

// prefix is what stands in front of what the client says.
func (c *client) prefix() string { return c.nick + "!~" + c.user + "@localhost" }

// enqueue reports false when too much is waiting. Longer lines than the protocol
// allows are cut as real servers do.
func (c *client) enqueue(line string) bool {
	if len(line) > maxLine-2 {
		line = line[:maxLine-2]
	}
	select {
	case c.out <- line + "\r\n":
		return true
	default:
		return false
	}
}

// writeLoop writes what was queued, and after the client was dropped what is
// left, then closes the connection.
func (c *client) writeLoop() {
	defer c.conn.Close()
	for {
		select {
		case line := <-c.out:
			if !c.write(line) {
				return
			}
		case <-c.done:
			for {
				select {
				case line := <-c.out:
					if !c.write(line) {
						return
					}
				default:
					return
				}
			}
		}
	}
}

func (c *client) write(line string) bool {
	if c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
		return false
	}
	_, err := c.conn.Write([]byte(line))
	return err == nil
}

// readLoop carries out the client's commands until it leaves. A line above the
// protocol's length ends the connection.
func (s *Server) readLoop(c *client) {
	r := bufio.NewReaderSize(c.conn, maxLine)
	reason := "Client closed connection"
	for {
		line, err := r.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			reason = "Request too long"
		}
		if err != nil {
			break
		}
		// A line that starts with a tag or a prefix is none of a client's.
		if line[0] == '@' || line[0] == ':' {
			continue
		}
		m, err := irc.ParseMessage(string(line))
		if err != nil {
			continue
		}
		s.command(c, m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c, reason)
}
