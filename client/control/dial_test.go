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
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/client/control"
	wire "github.com/joinmarket-go/joinmarket/protocol/control"
)

func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "jm") // short: the path of a socket has little room
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// greet accepts connections and answers the hello.
func greet(t *testing.T, l net.Listener, err error) net.Listener {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				c, err := wire.Accept(t.Context(), nc, wire.Config{Software: "greeter", Secret: "sesame"})
				if err == nil {
					c.Run(t.Context(), nil)
				}
			}()
		}
	}()
	return l
}

// reach dials and says hello with the secret that was found.
func reach(t *testing.T, cfg control.Config) error {
	t.Helper()
	dial := func(ctx context.Context) (net.Conn, wire.Secret, error) { return control.Dial(ctx, cfg) }
	d, err := control.Open(t.Context(), dial, wire.Config{}, signer{})
	if err != nil {
		return err
	}
	d.Close()
	if err := d.Run(t.Context()); !errors.Is(err, wire.ErrClosed) {
		return err
	}
	return nil
}

func TestDial(t *testing.T) {
	dir := folder(t)
	cookie := write(t, filepath.Join(dir, "cookie"), []byte("sesame\n"))
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	greet(t, l, err)
	l, err = net.Listen("tcp", "127.0.0.1:0")
	tcp := greet(t, l, err)

	for _, cfg := range []control.Config{
		{Address: "unix:" + socket, CookieFile: cookie},
		{Address: "tcp:" + tcp.Addr().String(), CookieFile: cookie},
	} {
		if err := reach(t, cfg); err != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if err := reach(t, control.Config{Address: "unix:" + socket}); !errors.Is(err, wire.ErrUnauthorized) {
		t.Errorf("without cookie: %v", err)
	}
	other := write(t, filepath.Join(dir, "other"), []byte("Sesame"))
	if err := reach(t, control.Config{Address: "tcp:" + tcp.Addr().String(), CookieFile: other}); !errors.Is(err, wire.ErrUnauthorized) {
		t.Errorf("wrong cookie: %v", err)
	}
}

func TestDialRefuses(t *testing.T) {
	dir := folder(t)
	cookie := write(t, filepath.Join(dir, "cookie"), []byte("sesame"))
	for _, c := range []struct {
		cfg  control.Config
		want error
	}{
		{control.Config{Address: ""}, control.ErrAddress},
		{control.Config{Address: "unix:"}, control.ErrAddress},
		{control.Config{Address: "127.0.0.1:1"}, control.ErrAddress},
		{control.Config{Address: "tcp:127.0.0.1", CookieFile: cookie}, control.ErrAddress},
		{control.Config{Address: "tcp::1", CookieFile: cookie}, control.ErrAddress},
		{control.Config{Address: "tcp:192.0.2.1:1", CookieFile: cookie}, control.ErrPlain},
		{control.Config{Address: "tcp:example.org:1", CookieFile: cookie}, control.ErrPlain},
		{control.Config{Address: "tcp:127.0.0.1:1"}, control.ErrCookie},
		{control.Config{Address: "tcp:127.0.0.1:1", CookieFile: filepath.Join(dir, "none")}, control.ErrCookie},
		{control.Config{Address: "tcp:127.0.0.1:1", CookieFile: write(t, filepath.Join(dir, "empty"), nil)}, control.ErrCookie},
		{control.Config{Address: "tcp:127.0.0.1:1", CookieFile: write(t, filepath.Join(dir, "long"), make([]byte, 200))}, control.ErrCookie},
		{control.Config{Address: "tcp:127.0.0.1:1", CookieFile: cookie, CAFile: cookie}, control.ErrCA},
		{control.Config{Address: "tcp:127.0.0.1:1", CookieFile: cookie, CAFile: filepath.Join(dir, "none")}, fs.ErrNotExist},
		{control.Config{Address: "unix:/x", CAFile: cookie}, control.ErrCA},
		{control.Config{Address: "unix:" + filepath.Join(dir, "nobody")}, control.ErrAbsent},
		{control.Config{Address: "tcp:127.0.0.1:1", CookieFile: cookie}, control.ErrAbsent},
	} {
		if err := reach(t, c.cfg); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
	err := reach(t, control.Config{Address: "tcp:127.0.0.1:1", CookieFile: filepath.Join(dir, "none"), CAFile: "x"})
	if !errors.Is(err, control.ErrCookie) || strings.Contains(err.Error(), "sesame") {
		t.Error(err)
	}
}

// TestTLSPinned: only the certificate in the file is trusted, and only for the
// host it names.
func TestTLSPinned(t *testing.T) {
	dir := folder(t)
	cookie := write(t, filepath.Join(dir, "cookie"), []byte("sesame"))
	ours, caFile := certificate(t, filepath.Join(dir, "ours.pem"), net.IPv4(127, 0, 0, 1))
	_, otherFile := certificate(t, filepath.Join(dir, "other.pem"), net.IPv4(127, 0, 0, 1))
	foreign, foreignFile := certificate(t, filepath.Join(dir, "foreign.pem"), net.IPv4(192, 0, 2, 1))

	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ours}})
	good := "tcp:" + greet(t, l, err).Addr().String()
	l, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{foreign}})
	elsewhere := "tcp:" + greet(t, l, err).Addr().String()
	l, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ours}, MaxVersion: tls.VersionTLS12})
	old := "tcp:" + greet(t, l, err).Addr().String()
	l, err = net.Listen("tcp", "127.0.0.1:0")
	plain := "tcp:" + greet(t, l, err).Addr().String()

	if err := reach(t, control.Config{Address: good, CookieFile: cookie, CAFile: caFile}); err != nil {
		t.Error(err)
	}
	for name, cfg := range map[string]control.Config{
		"other certificate": {Address: good, CookieFile: cookie, CAFile: otherFile},
		"other host":        {Address: elsewhere, CookieFile: cookie, CAFile: foreignFile},
		"old TLS":           {Address: old, CookieFile: cookie, CAFile: caFile},
		"no TLS":            {Address: plain, CookieFile: cookie, CAFile: caFile},
	} {
		if err := reach(t, cfg); err == nil {
			t.Errorf("%s: trusted", name)
		}
	}
}

// certificate makes a self-signed one for an address, and its file.
func certificate(t *testing.T, path string, ip net.IP) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{ip}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
