package irc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/proxy"
)

// dialTimeout bounds the way to the server, TLS included. Tor itself gives up
// on a circuit after two minutes.
const dialTimeout = 2 * time.Minute

// dial connects to a server: through the proxy if one is configured, and only
// through it (attack N17), with TLS inside.
func (c *Channel) dial(ctx context.Context, s *server) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := c.cfg.Dial
	if dial == nil {
		var err error
		if dial, err = c.dialer(); err != nil {
			return nil, &fault{CauseUnreachable, err}
		}
	}
	conn, err := dial(ctx, "tcp", s.address)
	if err != nil {
		return nil, &fault{CauseUnreachable, fmt.Errorf("connecting to %s: %w", s.address, err)}
	}
	if !c.tls.on {
		return conn, nil
	}
	secure := tls.Client(conn, c.tls.config(s.host))
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &fault{CauseTLS, fmt.Errorf("TLS with %s: %w", s.address, err)}
	}
	return secure, nil
}

func (c *Channel) dialer() (func(ctx context.Context, network, address string) (net.Conn, error), error) {
	if c.cfg.SOCKS5 == "" {
		return new(net.Dialer).DialContext, nil
	}
	// Tor gives each pair of name and password circuits of its own, so that
	// nobody links two of our nicks by them (attack N18). A proxy that asks
	// for no password never sees the pair.
	d, err := proxy.SOCKS5("tcp", c.cfg.SOCKS5, &proxy.Auth{User: c.circuit, Password: c.circuit}, nil)
	if err != nil {
		return nil, err
	}
	dialer, ok := d.(proxy.ContextDialer)
	if !ok {
		return nil, errors.New("the SOCKS5 dialer takes no context")
	}
	return dialer.DialContext, nil
}
