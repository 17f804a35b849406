package control_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/control"
	wire "github.com/joinmarket-go/joinmarket/protocol/control"
)

func TestTLS(t *testing.T) {
	dir := folder(t)
	cert, key, pool := certificate(t, dir)
	cfg := control.Config{Address: "tcp:127.0.0.1:0", CookieFile: filepath.Join(dir, "cookie"), CertFile: cert, KeyFile: key}
	l := serve(t, cfg)
	address := strings.TrimPrefix(l.Address(), "tcp:")

	nc, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	if v := nc.ConnectionState().Version; v != tls.VersionTLS13 {
		t.Errorf("version %x", v)
	}
	c, err := wire.Connect(t.Context(), nc, wire.Config{Secret: l.Secret()})
	if err != nil {
		t.Fatal(err)
	}
	go c.Run(t.Context(), nil)
	if err := c.Call(t.Context(), "m", nil, nil); !errors.Is(err, wire.ErrInternal) { // the test's handler is nil
		t.Error(err)
	}
	c.Close()

	if nc, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12}); err == nil {
		nc.Close()
		t.Error("TLS 1.2 is accepted")
	}
	if nc, err := tls.Dial("tcp", address, &tls.Config{RootCAs: x509.NewCertPool()}); err == nil {
		nc.Close()
		t.Error("certificate is trusted by all")
	}

	// A client without TLS gets nowhere, and nowhere slowly.
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wire.HelloTimeout)
	defer cancel()
	if _, err := wire.Connect(ctx, plain, wire.Config{Secret: l.Secret()}); err == nil {
		t.Error("a client without TLS is served")
	}

	for _, bad := range []control.Config{
		{Address: "tcp:127.0.0.1:0", CookieFile: cfg.CookieFile, CertFile: cert},
		{Address: "tcp:127.0.0.1:0", CookieFile: cfg.CookieFile, CertFile: key, KeyFile: cert},
		{Address: "unix:" + filepath.Join(dir, "s"), CertFile: cert, KeyFile: key},
	} {
		if _, err := control.Listen(bad); !errors.Is(err, control.ErrTLS) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// certificate makes a self-signed one for 127.0.0.1, its key, and the pool that
// trusts it.
func certificate(t *testing.T, dir string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes})
	for name, content := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, pool
}
