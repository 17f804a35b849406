package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/amp"
)

// start runs the program until the test ends and returns what it says that it
// listens on.
func start(t *testing.T, dir string, args ...string) (python, own string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, outw := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"--datadir", dir, "--listen", "unix:" + filepath.Join(dir, "s")}, args...), outw, io.Discard)
		outw.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("exit status %d", code)
		}
	})
	r := bufio.NewReader(out)
	lines := []string{"listening for Python clients on tcp:", "listening on "}
	for i, prefix := range lines {
		line, err := r.ReadString('\n')
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
		if err != nil || !ok {
			t.Fatalf("said %q, %v", line, err)
		}
		lines[i] = rest
	}
	return lines[0], lines[1]
}

// greet begins as a Python client does.
func greet(t *testing.T, nc net.Conn) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	raw, err := amp.Box{"_ask": "1", "_command": "JMInit", "bcsource": "x", "network": "testnet", "chan_configs": "[]", "minmakers": "1",
		"maker_timeout_sec": "60", "dust_threshold": "27300", "blacklist_location": "."}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(raw); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(nc)
	if box, err := amp.Read(r, amp.MaxValue); err != nil || box["_command"] != "JMInitProto" {
		t.Errorf("heard %v, %v", box, err)
	}
	if box, err := amp.Read(r, amp.MaxValue); err != nil || box["accepted"] != "True" {
		t.Errorf("heard %v, %v", box, err)
	}
}

// shortDir is a folder whose name leaves room for that of a socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "jm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestPythonClients(t *testing.T) {
	python, own := start(t, shortDir(t), "--amp", "127.0.0.1:0")
	for range 2 {
		nc, err := net.Dial("tcp", python)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		greet(t, nc)
	}
	if !strings.HasPrefix(own, "unix:") {
		t.Errorf("own clients on %s", own)
	}
}

// TestPythonClientsOverTLS: with the files where the reference has them. Its
// clients look at no certificate.
func TestPythonClientsOverTLS(t *testing.T) {
	dir := shortDir(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "ssl"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: cert}, "key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, "ssl", name+".pem"), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	python, _ := start(t, dir, "--amp", "127.0.0.1:0", "--amp-tls")
	nc, err := tls.Dial("tcp", python, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	greet(t, nc)
}

func TestWrongAMP(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--amp", "27183"}, 2, "want host:port"},
		{[]string{"--amp", "0.0.0.0:0"}, 1, "only come from this machine"},
		{[]string{"--amp", "127.0.0.1:0", "--amp-tls"}, 1, filepath.Join("ssl", "cert.pem")},
		{[]string{"--amp-tls"}, 2, "--amp"},
		{[]string{"--amp-any-host"}, 2, "--amp"},
	} {
		var errw bytes.Buffer
		dir := shortDir(t)
		code := run(t.Context(), append([]string{"--datadir", dir, "--listen", "unix:" + filepath.Join(dir, "s")}, c.args...), io.Discard, &errw)
		if code != c.code || !strings.Contains(errw.String(), c.want) {
			t.Errorf("%q: exit status %d, %s", c.args, code, &errw)
		}
	}
}
