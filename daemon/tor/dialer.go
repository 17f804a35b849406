package tor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Dialer connects through the SOCKS port of a Tor, or of another SOCKS5 proxy.
type Dialer struct {
	// SOCKS is where it listens: host:port, or unix:/path. "localhost" is this
	// machine without being looked up.
	SOCKS string
}

// Dial connects to a host:port. A host that is a name reaches the proxy as it
// is. The identity is the user and the password told to the proxy, 1 to 255
// bytes: Tor puts connections of different identities on different circuits
// (Tor: IsolateSOCKSAuth). A proxy that asks for none does not see it.
//
// Errors match ErrNoTor, ErrNotTor, ErrUnreachable or that of ctx, which bounds
// the handshake too. Tor itself gives up after two minutes.
func (d Dialer) Dial(ctx context.Context, identity, address string) (net.Conn, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	if len(identity) == 0 || len(identity) > 255 {
		return nil, fmt.Errorf("an identity for Tor has 1 to 255 bytes, not %d", len(identity))
	}
	conn, err := dialLocal(ctx, d.SOCKS)
	if err != nil {
		return nil, err
	}
	err = within(ctx, conn, func() error { return connect(conn, identity, host, port) })
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("through the SOCKS port %s: %w", d.SOCKS, err)
	}
	return conn, nil
}

// Direct connects without a proxy. It refuses onion addresses with ErrDirect
// before anybody could be asked for them (attack N17).
func Direct(ctx context.Context, address string) (net.Conn, error) {
	host, _, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	if isOnion(host) {
		return nil, ErrDirect
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// isOnion: names below .onion must not reach a resolver (RFC 7686).
func isOnion(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "onion" || strings.HasSuffix(host, ".onion")
}

func splitAddress(address string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || len(host) == 0 || len(host) > 255 {
		return "", 0, fmt.Errorf("%.300q is no host:port", address)
	}
	return host, uint16(n), nil
}

// unixPrefix begins the address of a Unix socket.
const unixPrefix = "unix:"

// dialLocal connects to a port of Tor itself: host:port or unix:/path. Errors
// match ErrNoTor or that of ctx.
func dialLocal(ctx context.Context, address string) (net.Conn, error) {
	network, addresses := "tcp", []string{address}
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		network, addresses = "unix", []string{path}
	} else if host, port, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("%w at %q: want host:port or unix:/path", ErrNoTor, address)
	} else if strings.EqualFold(host, "localhost") {
		addresses = []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)}
	}
	var first error
	for _, a := range addresses {
		conn, err := new(net.Dialer).DialContext(ctx, network, a)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("%w at %s: %w", ErrNoTor, address, cause(first))
}

// cause is an error without what net puts before it.
func cause(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// within breaks what f does with conn when ctx ends. Afterwards conn has no
// deadline.
func within(ctx context.Context, conn net.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	err := f()
	if !stop() {
		return ctx.Err()
	}
	return err
}
