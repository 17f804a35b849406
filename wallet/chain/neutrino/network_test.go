package neutrino

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

type onion string

func (onion) Network() string  { return "onion" }
func (o onion) String() string { return string(o) }

func TestOnionWithoutProxy(t *testing.T) {
	n, err := newNetwork(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := n.dial(onion("abcdefghijklmnop.onion:8333")); err == nil || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("%v, %v; want an error that names the proxy", conn, err)
	}
	if ips, err := n.lookup("192.0.2.7"); err != nil || len(ips) != 1 || !ips[0].Equal(net.IPv4(192, 0, 2, 7)) {
		t.Errorf("an address is %v, %v", ips, err)
	}
}

// Whatever answers in place of Tor is an address or an error.
func TestLookupAnswers(t *testing.T) {
	long := strings.Repeat("a", maxHost+1)
	for answer, want := range map[string]string{
		"\x05\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x00":         "1.2.3.4",
		"\x05\x00\x05\x00\x00\x04" + strings.Repeat("\x20\x01", 8): "2001:2001:2001:2001:2001:2001:2001:2001",
		"\x05\x00\x05\x04\x00\x01\x01\x02\x03\x04\x00\x00":         "",
		"\x05\x00\x05\x00\x00\x03\x04name\x00\x00":                 "",
		"\x05\x00\x05\x00\x00\x01\x01\x02":                         "",
		"\x05\xff":                                                 "",
		"\x04\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x00":         "",
		"HTTP/1.1 400 Bad Request\r\n\r\n":                         "",
		"":                                                         "",
	} {
		n, err := newNetwork(t.Context(), answering(t, answer))
		if err != nil {
			t.Fatal(err)
		}
		ips, err := n.lookup("seed.example")
		if want == "" && err == nil || want != "" && (err != nil || len(ips) != 1 || ips[0].String() != want) {
			t.Errorf("%q: %v, %v; want %q", answer, ips, err, want)
		}
		if _, err := n.lookup(long); err == nil {
			t.Error("a name that is too long is looked up")
		}
	}
}

// answering listens for one connection, says its answer and hangs up.
func answering(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, answer)
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
	}()
	return listener.Addr().String()
}

// A look-up or a connection ends with the backend.
func TestNetworkEnds(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	n, err := newNetwork(ctx, silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	go func() {
		_, err := n.lookup("seed.example")
		done <- err
	}()
	go func() {
		_, err := n.dial(silent.Addr())
		done <- err
	}()
	for range 2 {
		conn, err := silent.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	cancel()
	for range 2 {
		select {
		case err := <-done:
			if err == nil {
				t.Error("no error")
			}
		case <-time.After(time.Minute):
			t.Fatal("it goes on")
		}
	}
}
