package irc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/net/proxy"
)

// dialTimeout bounds the way to the server, TLS included. Tor itself gives up
// on a circuit after two minutes.
const dialTimeout = 2 * time.Minute

// dial connects to the server: through the proxy if one is configured, and only
// through it (attack N17), with TLS inside.
func (c *Channel) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := c.cfg.Dial
	if dial == nil {
		var err error
		if dial, err = c.dialer(); err != nil {
			return nil, err
		}
	}
	address := net.JoinHostPort(c.cfg.Host, strconv.Itoa(int(c.cfg.Port)))
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	if !c.cfg.TLS {
		return conn, nil
	}
	secure := tls.Client(conn, &tls.Config{
		ServerName:         c.cfg.Host,
		RootCAs:            c.cfg.RootCAs,
		InsecureSkipVerify: c.cfg.Insecure,
		MinVersion:         tls.VersionTLS12,
	})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS with %s: %w", address, err)
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
