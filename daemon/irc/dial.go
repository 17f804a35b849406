package irc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
)

// dialTimeout bounds the way to the server, TLS included. Tor itself gives up
// on a circuit after two minutes.
const dialTimeout = 2 * time.Minute

// dial connects to a server, with TLS if that is asked for.
func (c *Channel) dial(ctx context.Context, s *server) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := c.connect(ctx, s.address)
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

// connect goes through the proxy if one is configured, and only through it
// (attack N17), on circuits of this channel's own: nobody links two of our nicks
// by them (attack N18).
func (c *Channel) connect(ctx context.Context, address string) (net.Conn, error) {
	switch {
	case c.cfg.Dial != nil:
		return c.cfg.Dial(ctx, "tcp", address)
	case c.cfg.SOCKS5 == "":
		return tor.Direct(ctx, address)
	case c.cfg.Tor != nil:
		return c.cfg.Tor.Dial(ctx, c.cfg.SOCKS5, c.circuit, address)
	}
	return tor.Dialer{SOCKS: c.cfg.SOCKS5}.Dial(ctx, c.circuit, address)
}
