package tor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// conn is a connection to the control port.
type conn struct {
	nc      net.Conn
	address string
	onEvent func(reply) // called by the reader; must not block
	asking  sync.Mutex  // held from a command to its reply
	replies chan reply
	done    chan struct{} // closed when the reader has returned
	err     error         // why it did; read after done
}

// open connects to a control port and does nothing yet. Errors match ErrNoTor or
// that of ctx.
func open(ctx context.Context, address string, onEvent func(reply)) (*conn, error) {
	nc, err := dialLocal(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("the control port: %w", err)
	}
	c := &conn{nc: nc, address: address, onEvent: onEvent, replies: make(chan reply, 1), done: make(chan struct{})}
	go c.read()
	return c, nil
}

// close ends the connection and what Tor does for it.
func (c *conn) close() {
	c.nc.Close()
	<-c.done
}

// read hands out replies until the connection ends.
func (c *conn) read() {
	defer close(c.done)
	defer c.nc.Close()
	r := bufio.NewReader(c.nc)
	for {
		reply, err := readControl(r)
		if err != nil {
			c.err = fmt.Errorf("the connection with the control port %s ended: %w", c.address, err)
			return
		}
		if reply.event() {
			if c.onEvent != nil {
				c.onEvent(reply)
			}
			continue
		}
		select {
		case c.replies <- reply:
		default: // there is one already
			c.err = fmt.Errorf("%w: the control port %s answers what nobody asked", ErrNotTor, c.address)
			return
		}
	}
}

// ask sends a command and returns the reply. When ctx ends before there is one,
// the connection is of no use any more and is closed.
func (c *conn) ask(ctx context.Context, command string) (reply, error) {
	if strings.ContainsAny(command, "\r\n") {
		return reply{}, errors.New("a command for Tor has a line break")
	}
	c.asking.Lock()
	defer c.asking.Unlock()
	if err := within(ctx, c.nc, func() error { _, err := c.nc.Write([]byte(command + "\r\n")); return err }); err != nil {
		c.nc.Close()
		return reply{}, err
	}
	select {
	case r := <-c.replies:
		return r, nil
	case <-c.done:
		return reply{}, c.err
	case <-ctx.Done():
		c.nc.Close()
		return reply{}, ctx.Err()
	}
}

// do is ask for a command that must succeed; otherwise the error matches
// ErrRefused and has Tor's words.
func (c *conn) do(ctx context.Context, command string) (reply, error) {
	r, err := c.ask(ctx, command)
	if err == nil && !r.ok() {
		name, _, _ := strings.Cut(command, " ")
		err = fmt.Errorf("%w: %s: %.200q (%d)", ErrRefused, name, r.lines[0].text, r.code)
	}
	return r, err
}

// info asks for one value of GETINFO.
func (c *conn) info(ctx context.Context, key string) (string, error) {
	r, err := c.do(ctx, "GETINFO "+key)
	if err != nil {
		return "", err
	}
	value, ok := r.value(key + "=")
	if !ok {
		return "", fmt.Errorf("%w: no answer to GETINFO %s", ErrNotTor, key)
	}
	return value, nil
}
