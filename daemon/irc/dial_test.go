package irc

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// certificate is self-signed for a host name.
func certificate(t *testing.T, host string) (cert tls.Certificate, certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{host},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, encode("CERTIFICATE", der), encode("PRIVATE KEY", private)
}

// TestTLS: the certificate is verified, by name and by who signed it, unless
// that is switched off; the server is told the name; old versions are refused.
func TestTLS(t *testing.T) {
	cert, own, _ := certificate(t, "irc.example")
	_, other, _ := certificate(t, "irc.example")
	const onion = "ncwkrwxpq2ikcngxq3dy2xctuheniggtqeibvgofixpzvrwpa77tozqd.onion"
	for name, c := range map[string]struct {
		change  func(*Config)
		version uint16 // the server's newest, 0 for all
		fails   string // in the reason; empty: it works
	}{
		"pinned":                {change: func(c *Config) { c.TLSCA = own }},
		"pinned, among others":  {change: func(c *Config) { c.TLSCA = other + own }},
		"pinned, other name":    {change: func(c *Config) { c.TLSCA, c.Host = own, "irc2.example" }},
		"another pinned":        {change: func(c *Config) { c.TLSCA = other }, fails: "certificate"},
		"unknown signer":        {change: func(c *Config) {}, fails: "certificate"},
		"insecure":              {change: func(c *Config) { c.Insecure = true }},
		"onion address":         {change: func(c *Config) { c.Host = onion }},
		"onion, another pinned": {change: func(c *Config) { c.Host, c.TLSCA = onion, other }, fails: "certificate"},
		"TLS 1.2":               {change: func(c *Config) { c.TLSCA = own }, version: tls.VersionTLS12},
		"TLS 1.1":               {change: func(c *Config) { c.Insecure = true }, version: tls.VersionTLS11, fails: "version"},
		"no TLS server":         {change: func(c *Config) { c.Insecure = true }, version: noTLS, fails: "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			names := make(chan string, 100) // room for further attempts
			h := start(t, func(cfg *Config) {
				*cfg = tlsServer(t, *cfg, c.version, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
					names <- hello.ServerName
					return &cert, nil
				}})
				c.change(cfg)
			})
			defer h.stop()
			if c.fails != "" {
				e := h.wantState(control.ChannelConnecting)
				if !strings.Contains(e.Reason, c.fails) || e.Code != string(CauseTLS) {
					t.Errorf("code %q, reason %q", e.Code, e.Reason)
				}
				return
			}
			h.want(channel.State{State: control.ChannelUp, HostID: "testnet0"})
			if name := <-names; name != h.ch.cfg.Host {
				t.Errorf("the server was asked for %q", name)
			}
		})
	}
}

// tlsServer runs our server behind TLS until the test ends, whatever address is
// dialled.
func tlsServer(t *testing.T, cfg Config, version uint16, with *tls.Config) Config {
	t.Helper()
	l := listen(t)
	address := l.Addr().String()
	if version != noTLS {
		with.MinVersion, with.MaxVersion = tls.VersionTLS10, version
		l = tls.NewListener(l, with)
	}
	_, stop := serve(t, l)
	t.Cleanup(stop)
	cfg.TLS, cfg.LineInterval = true, -1
	cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return cfg
}

// TestTLSSignedByPinned: a certificate that a pinned one has signed must be for
// the host.
func TestTLSSignedByPinned(t *testing.T) {
	root, rootPEM := authority(t)
	cert := root.sign(t, "irc.example")
	for host, fails := range map[string]string{"irc.example": "", "irc2.example": "irc2.example"} {
		t.Run(host, func(t *testing.T) {
			h := start(t, func(cfg *Config) {
				*cfg = tlsServer(t, *cfg, 0, &tls.Config{Certificates: []tls.Certificate{cert}})
				cfg.Host, cfg.TLSCA = host, rootPEM
			})
			defer h.stop()
			if fails == "" {
				h.wantState(control.ChannelUp)
			} else if e := h.wantState(control.ChannelConnecting); !strings.Contains(e.Reason, fails) {
				t.Errorf("reason %q", e.Reason)
			}
		})
	}
}

// ca signs certificates.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func authority(t *testing.T) (*ca, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &ca{cert, key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func (a *ca) sign(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(3), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// noTLS stands for a server that speaks plain text.
const noTLS = 0xffff

// request is what a SOCKS5 client asked for.
type request struct {
	user, password string
	addressType    byte // 1 IPv4, 3 domain name, 4 IPv6
	host           string
	port           uint16
}

// proxyServer is a SOCKS5 server that connects whatever is asked to one target.
// It asks for a name and password where the client offers them and wantAuth is
// set, as Tor does.
type proxyServer struct {
	t        *testing.T
	l        net.Listener
	target   string
	wantAuth bool
	requests chan request
	running  sync.WaitGroup
}

func startProxy(t *testing.T, target string, wantAuth bool) *proxyServer {
	t.Helper()
	p := &proxyServer{t: t, l: listen(t), target: target, wantAuth: wantAuth, requests: make(chan request, 10)}
	p.running.Go(func() {
		for {
			conn, err := p.l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() {
				defer conn.Close()
				if err := p.serve(conn); err != nil {
					p.t.Errorf("SOCKS5: %v", err)
				}
			})
		}
	})
	t.Cleanup(func() {
		p.l.Close()
		p.running.Wait()
	})
	return p
}

func (p *proxyServer) serve(conn net.Conn) error {
	r := bufio.NewReader(conn)
	var req request
	text := func() string {
		n, err := r.ReadByte()
		if err != nil {
			return ""
		}
		b := make([]byte, n)
		io.ReadFull(r, b)
		return string(b)
	}
	if version, _ := r.ReadByte(); version != 5 {
		return fmt.Errorf("version %d", version)
	}
	methods := text()
	switch {
	case p.wantAuth && strings.Contains(methods, "\x02"):
		conn.Write([]byte{5, 2})
		r.ReadByte()
		req.user, req.password = text(), text()
		conn.Write([]byte{1, 0})
	case strings.Contains(methods, "\x00"):
		conn.Write([]byte{5, 0})
	default:
		return fmt.Errorf("methods %q", methods)
	}
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || head[1] != 1 {
		return fmt.Errorf("request %v: %w", head, err)
	}
	req.addressType = head[3]
	switch req.addressType {
	case 1:
		r.Discard(4)
	case 3:
		req.host = text()
	case 4:
		r.Discard(16)
	}
	var port [2]byte
	if _, err := io.ReadFull(r, port[:]); err != nil {
		return err
	}
	req.port = binary.BigEndian.Uint16(port[:])
	p.requests <- req
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return err
	}
	conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	p.running.Go(func() {
		io.Copy(server, r)
		server.Close()
	})
	io.Copy(conn, server)
	return nil
}

// TestN17SOCKS5: the proxy gets the host's name unresolved, with TLS inside the
// tunnel if that is asked for.
func TestN17SOCKS5(t *testing.T) {
	const onion = "ncwkrwxpq2ikcngxq3dy2xctuheniggtqeibvgofixpzvrwpa77tozqd.onion"
	cert, own, _ := certificate(t, onion)
	for _, secure := range []bool{false, true} {
		for _, wantAuth := range []bool{false, true} {
			t.Run(fmt.Sprintf("TLS %v, auth %v", secure, wantAuth), func(t *testing.T) {
				l := listen(t)
				target := l.Addr().String()
				if secure {
					l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
				}
				_, stop := serve(t, l)
				defer stop()
				proxy := startProxy(t, target, wantAuth)
				h := start(t, func(cfg *Config) {
					cfg.Host, cfg.Port, cfg.Dial = onion, 6697, nil
					cfg.SOCKS5 = proxy.l.Addr().String()
					cfg.TLS, cfg.TLSCA = secure, own
					cfg.LineInterval = -1
				})
				defer h.stop()
				h.want(channel.State{State: control.ChannelUp, HostID: "testnet0"})
				req := <-proxy.requests
				if req.addressType != 3 || req.host != onion || req.port != 6697 {
					t.Errorf("asked for %+v", req)
				}
				if wantAuth != (req.user != "") {
					t.Errorf("credentials %+v", req)
				}
			})
		}
	}
}

// TestN18Circuits: each nick asks the proxy for circuits of its own.
func TestN18Circuits(t *testing.T) {
	l := listen(t)
	_, stop := serve(t, l)
	defer stop()
	proxy := startProxy(t, l.Addr().String(), true)
	users := make(map[string]bool)
	for i := range 3 {
		h := start(t, func(cfg *Config) {
			cfg.Nick = stranger(i)
			cfg.Dial, cfg.SOCKS5, cfg.LineInterval = nil, proxy.l.Addr().String(), -1
		})
		h.wantState(control.ChannelUp)
		h.stop()
		req := <-proxy.requests
		users[req.user+req.password] = true
	}
	if len(users) != 3 {
		t.Errorf("%d pairs of credentials for three nicks", len(users))
	}
}

// TestN17NoDirectConnection: without its proxy a channel does not connect.
func TestN17NoDirectConnection(t *testing.T) {
	l := listen(t)
	defer l.Close()
	reached := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		reached <- err
	}()
	closed := listen(t)
	closed.Close()
	h := start(t, func(cfg *Config) {
		at(t, l.Addr().String())(cfg)
		cfg.SOCKS5 = closed.Addr().String()
	})
	if e := h.wantState(control.ChannelConnecting); !strings.Contains(e.Reason, "socks") {
		t.Errorf("reason %q", e.Reason)
	}
	h.stop()
	l.Close()
	if err := <-reached; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the server was reached: %v", err)
	}
}
