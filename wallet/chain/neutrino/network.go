package neutrino

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/proxy"
)

const (
	// dialTime bounds connecting to a peer; through Tor a circuit must be made.
	dialTime = 10 * time.Second
	torTime  = time.Minute
	// maxHost is the longest name that the SOCKS protocol has room for.
	maxHost = 255
)

// network connects to peers and looks up names, all through the proxy if there
// is one. What is under way ends with ctx.
type network struct {
	ctx    context.Context
	server string // the proxy, empty for none
	proxy  proxy.ContextDialer

	mu     sync.Mutex // protects the field below
	failed error      // of the last connection or look-up, nil if it came about
}

func newNetwork(ctx context.Context, server string) (*network, error) {
	n := &network{ctx: ctx, server: server}
	if server == "" {
		return n, nil
	}
	if _, _, err := net.SplitHostPort(server); err != nil {
		return nil, fmt.Errorf("the proxy must be host:port: %w", err)
	}
	// Tor uses a circuit of its own for each login: the peers shall not be seen
	// beside the market's servers. Other proxies need no login either.
	login := &proxy.Auth{User: rand.Text(), Password: rand.Text()}
	socks, err := proxy.SOCKS5("tcp", server, login, &net.Dialer{Timeout: dialTime})
	if err != nil {
		return nil, err
	}
	n.proxy = socks.(proxy.ContextDialer)
	return n, nil
}

// dial connects to a peer.
func (n *network) dial(addr net.Addr) (net.Conn, error) {
	conn, err := n.connect(addr)
	n.note(err)
	return conn, err
}

// note keeps why there is no connection, for the user.
func (n *network) note(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failed = err
}

// failure is why the last connection or look-up did not come about, nil if it
// did.
func (n *network) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}

func (n *network) connect(addr net.Addr) (net.Conn, error) {
	if n.server != "" {
		ctx, cancel := context.WithTimeout(n.ctx, torTime)
		defer cancel()
		return n.proxy.DialContext(ctx, "tcp", addr.String())
	}
	if addr.Network() != "tcp" {
		return nil, errOnion
	}
	ctx, cancel := context.WithTimeout(n.ctx, dialTime)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "tcp", addr.String())
}

var errOnion = errors.New("onion addresses need a proxy, that of Tor")

// lookup returns the addresses of a host.
func (n *network) lookup(host string) ([]net.IP, error) {
	if ip := net.ParseIP(host); ip != nil {
		return []net.IP{ip}, nil
	}
	ips, err := n.ask(host)
	if err != nil {
		n.note(err)
	}
	return ips, err
}

func (n *network) ask(host string) ([]net.IP, error) {
	if n.server == "" {
		ctx, cancel := context.WithTimeout(n.ctx, dialTime)
		defer cancel()
		return net.DefaultResolver.LookupIP(ctx, "ip", host)
	}
	ctx, cancel := context.WithTimeout(n.ctx, torTime)
	defer cancel()
	ip, err := n.resolve(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("looking up a name through the proxy (only Tor can; with others configure addresses): %w", err)
	}
	return []net.IP{ip}, nil
}

// resolve asks Tor for the address of a host, by the command that Tor adds to
// SOCKS5 (RFC 1928; Tor: socks-extensions.txt).
func (n *network) resolve(ctx context.Context, host string) (net.IP, error) {
	if len(host) > maxHost {
		return nil, errors.New("the name is too long")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", n.server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
	const version, noLogin, resolve, name, ipv4, ipv6 = 5, 0, 0xF0, 3, 1, 4
	ask := func(question, answer []byte) error {
		if _, err := conn.Write(question); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, answer)
		return err
	}
	var method [2]byte
	if err := ask([]byte{version, 1, noLogin}, method[:]); err != nil {
		return nil, err
	}
	if method != [...]byte{version, noLogin} {
		return nil, errors.New("it does not speak SOCKS5 without a login")
	}
	question := append([]byte{version, resolve, 0, name, byte(len(host))}, host...)
	var answer [4]byte
	if err := ask(append(question, 0, 0), answer[:]); err != nil {
		return nil, err
	}
	if answer[0] != version || answer[1] != 0 {
		return nil, fmt.Errorf("it answers with error %d", answer[1])
	}
	size := map[byte]int{ipv4: net.IPv4len, ipv6: net.IPv6len}[answer[3]]
	if size == 0 {
		return nil, errors.New("it answers without an address")
	}
	ip := make(net.IP, size)
	_, err = io.ReadFull(conn, ip)
	return ip, err
}
