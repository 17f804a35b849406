// Package control listens for clients: on a Unix socket that only its owner, or a
// group, can open, or on loopback TCP with a secret in a cookie file, with TLS if wanted.
// It hands each connection on; hello and commands are others' affair.
package control

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// DefaultMaxConns is twice the clients that a daemon serves by default, so that
// connections that never say hello leave room for those that do.
const DefaultMaxConns = 64

// Config says where to listen.
type Config struct {
	// Address is "unix:/path" or "tcp:host:port". The folder of a socket is
	// made with mode 0700 if it is missing. The host must be 127.0.0.1, [::1]
	// or localhost; port 0 lets the system choose.
	Address string
	// SocketMode and SocketGroup are the rights of a socket: 0600 for 0, and the
	// name of a group of the system, empty for our own.
	SocketMode  fs.FileMode
	SocketGroup string
	// CookieFile gets the secret that clients must show: 64 hex digits, mode
	// 0600, new at each start. Required with TCP, where every user of the
	// machine can connect.
	CookieFile string
	// NoCookie does without, and lets in every user of the machine: for clients
	// of the reference implementation, which show no secret (package daemon/amp).
	NoCookie bool
	// AnyHost takes a host that is none of this machine alone, with which
	// everybody who reaches it is let in or may guess.
	AnyHost bool
	// CertFile and KeyFile switch TLS 1.3 on; PEM, TCP only.
	CertFile, KeyFile string
	// MaxConns bounds the connections at a time, whether they have said hello
	// or not; more wait to be accepted. 0 means DefaultMaxConns.
	MaxConns int
	// Log; nil is silent.
	Log *slog.Logger
}

// Errors of Listen, beside those of the network and the files.
var (
	ErrAddress  = errors.New(`address is neither "unix:/path" nor "tcp:host:port"`)
	ErrServed   = errors.New("another joinmarketd serves here; stop it, or choose another address")
	ErrLoopback = errors.New("clients may only come from this machine: listen on 127.0.0.1, and forward with ssh if they are elsewhere")
	ErrNoSocket = errors.New("there is a file of this name that is no socket; it is left alone")
	ErrCookie   = errors.New("TCP needs a cookie file, as any user of this machine can connect")
	ErrGroup    = errors.New("cannot give the socket to the group; the daemon's user must be in it")
	ErrTLS      = errors.New("cannot use certificate and key")
)

// Listener accepts clients. It must be closed, or served, which closes it.
type Listener struct {
	l       net.Listener
	address string
	secret  control.Secret
	max     int
	log     *slog.Logger

	once    sync.Once
	release func() // frees what belongs to the address
}

// Listen takes the address and writes the cookie file.
func Listen(cfg Config) (*Listener, error) {
	l := &Listener{max: cfg.MaxConns, log: cfg.Log}
	if l.max == 0 {
		l.max = DefaultMaxConns
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if err := l.open(cfg); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", cfg.Address, err)
	}
	if err := l.writeCookie(cfg.CookieFile); err != nil {
		l.Close()
		return nil, fmt.Errorf("writing the cookie file: %w", err)
	}
	return l, nil
}

func (l *Listener) open(cfg Config) error {
	network, address, _ := strings.Cut(cfg.Address, ":")
	switch {
	case network == "unix" && address != "":
		if cfg.CertFile != "" || cfg.KeyFile != "" {
			return fmt.Errorf("%w: a Unix socket has no TLS", ErrTLS)
		}
		return l.openUnix(address, cfg)
	case network == "tcp":
		return l.openTCP(address, cfg)
	}
	return ErrAddress
}

func (l *Listener) openTCP(address string, cfg Config) error {
	host, port, err := net.SplitHostPort(address)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		return ErrAddress
	}
	if host == "localhost" {
		host = "127.0.0.1" // not what a resolver makes of it
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() && !cfg.AnyHost {
		return ErrLoopback
	}
	if cfg.CookieFile == "" && !cfg.NoCookie {
		return ErrCookie
	}
	var secure *tls.Config
	if cfg.CertFile != "" || cfg.KeyFile != "" {
		cert, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrTLS, err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	}
	tcp, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	l.l, l.address, l.release = tcp, "tcp:"+tcp.Addr().String(), func() {}
	if secure != nil {
		l.l = tls.NewListener(tcp, secure)
	}
	return nil
}

// writeCookie comes after the address is taken, so that a second daemon does
// not spoil the cookie of the first.
func (l *Listener) writeCookie(path string) error {
	if path == "" {
		return nil
	}
	var random [32]byte
	rand.Read(random[:])
	secret := hex.EncodeToString(random[:])
	if err := durable.WriteFile(path, []byte(secret), 0o600); err != nil {
		return err
	}
	l.secret = control.Secret(secret)
	release := l.release
	l.release = func() {
		os.Remove(path) // void now, whether it is removed or not
		release()
	}
	return nil
}

// Address is where clients connect, in the form of Config.Address, with the
// port that was chosen.
func (l *Listener) Address() string { return l.address }

// Secret is what clients must show; empty without a cookie file.
func (l *Listener) Secret() control.Secret { return l.secret }

// Close stops listening and removes socket and cookie file. Connections that
// were accepted go on. Closing again does nothing.
func (l *Listener) Close() {
	l.once.Do(func() {
		l.l.Close()
		l.release()
	})
}
