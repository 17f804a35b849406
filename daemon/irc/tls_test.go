package irc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
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
