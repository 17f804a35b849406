// Package control reaches a daemon: it dials the address, shows the secret, and
// makes a typed method of every command. It knows nothing of wallets and keys;
// a Signer answers the daemon's questions.
package control

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Config says where a daemon is found.
type Config struct {
	// Address is "unix:/path" or "tcp:host:port". A host other than 127.0.0.1,
	// [::1] or localhost needs CAFile, since the secret would travel readable.
	Address string
	// CookieFile holds the secret; the daemon writes it anew at each start.
	// Required with TCP; with a Unix socket the file rights of the socket do
	// unless the daemon asks for more.
	CookieFile string
	// CAFile switches TLS on: a PEM file with the daemon's own certificate, or
	// with that of its issuer. No other certificate is trusted. The name in it
	// must be the host of Address.
	CAFile string
}

// Errors of Dial, beside those of the network.
var (
	ErrAddress = errors.New(`address is neither "unix:/path" nor "tcp:host:port"`)
	ErrAbsent  = errors.New("no joinmarketd serves there")
	ErrPlain   = errors.New("TCP beyond this machine needs TLS")
	ErrCookie  = errors.New("cannot read the cookie file")
	ErrCA      = errors.New("cannot use the certificate file")
)

// maxCookie bounds the cookie file in bytes.
const maxCookie = 128

// Dial connects to the daemon, and reads the secret that the hello must show
// (control.Config.Secret); it is empty without a cookie file. Each call reads
// the files again.
func Dial(ctx context.Context, cfg Config) (net.Conn, control.Secret, error) {
	network, address, err := cfg.split()
	if err != nil {
		return nil, "", fmt.Errorf("daemon %s: %w", cfg.Address, err)
	}
	secret, err := cfg.secret(network)
	if err != nil {
		return nil, "", fmt.Errorf("daemon %s: %w", cfg.Address, err)
	}
	nc, err := cfg.dial(ctx, network, address)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: start it, or correct the address (%w)", ErrAbsent, err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("daemon %s: %w", cfg.Address, err)
	}
	return nc, secret, nil
}

func (cfg Config) split() (network, address string, err error) {
	network, address, _ = strings.Cut(cfg.Address, ":")
	switch {
	case network == "unix" && address != "" && cfg.CAFile == "":
		return network, address, nil
	case network == "unix" && address != "":
		return "", "", fmt.Errorf("%w: a Unix socket has no TLS", ErrCA)
	case network != "tcp":
		return "", "", ErrAddress
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return "", "", ErrAddress
	}
	if cfg.CAFile == "" && !loopback(host) {
		return "", "", ErrPlain
	}
	return network, address, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (cfg Config) secret(network string) (control.Secret, error) {
	if cfg.CookieFile == "" {
		if network == "tcp" {
			return "", fmt.Errorf("%w: TCP needs one", ErrCookie)
		}
		return "", nil
	}
	f, err := os.Open(cfg.CookieFile)
	if err != nil {
		return "", fmt.Errorf("%w, which the daemon writes when it starts: %w", ErrCookie, err)
	}
	defer f.Close()
	buf := make([]byte, maxCookie+1)
	n, err := f.Read(buf)
	if err != nil || n > maxCookie {
		return "", fmt.Errorf("%w %s: it is empty or too long", ErrCookie, cfg.CookieFile)
	}
	return control.Secret(strings.TrimSpace(string(buf[:n]))), nil
}

func (cfg Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if cfg.CAFile == "" {
		return d.DialContext(ctx, network, address)
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCA, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w %s: no PEM certificate in it", ErrCA, cfg.CAFile)
	}
	secure := tls.Dialer{NetDialer: &d, Config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}}
	return secure.DialContext(ctx, network, address)
}
