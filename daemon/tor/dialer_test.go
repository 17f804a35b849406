package tor

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	onionHost = service + ".onion"
	asksName  = "\x05\x01\x00\x03\x3e" + onionHost + "\x14\x66" // port 5222
	granted   = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	greets    = "\x05\x02\x00\x02"
	logsIn    = "\x01\x05maker\x05maker"
)

// talk is what a scripted proxy hears and says, in turns.
type talk [][2]string

func (turns talk) serve(t *testing.T) func(net.Conn) {
	return func(c net.Conn) {
		for _, turn := range turns {
			heard := make([]byte, len(turn[0]))
			if _, err := io.ReadFull(c, heard); err != nil || string(heard) != turn[0] {
				t.Errorf("heard %q, %v, want %q", heard, err, turn[0])
				return
			}
			io.WriteString(c, turn[1])
		}
	}
}

// TestN17NamesStayNames plays handshakes byte by byte: names go to the proxy as
// they are, and what follows an answer is the connection's.
func TestN17NamesStayNames(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		talk    talk
	}{
		"N18 with login": {onionHost + ":5222", talk{{greets, "\x05\x02"}, {logsIn, "\x01\x00"}, {asksName, granted + "hi"}}},
		"without login":  {onionHost + ":5222", talk{{greets, "\x05\x00"}, {asksName, granted + "hi"}}},
		"name":           {"localhost:80", talk{{greets, "\x05\x00"}, {"\x05\x01\x00\x03\x09localhost\x00\x50", granted + "hi"}}},
		"IPv4":           {"192.0.2.1:80", talk{{greets, "\x05\x00"}, {"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50", granted + "hi"}}},
		"IPv6":           {"[::1]:80", talk{{greets, "\x05\x00"}, {"\x05\x01\x00\x04" + strings.Repeat("\x00", 15) + "\x01\x00\x50", "\x05\x00\x00\x04" + strings.Repeat("\x00", 18) + "hi"}}},
		"answer by name": {"a:1", talk{{greets, "\x05\x00"}, {"\x05\x01\x00\x03\x01a\x00\x01", "\x05\x00\x00\x03\x02xy\x00\x00hi"}}},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := Dialer{SOCKS: listen(t, c.talk.serve(t))}.Dial(t.Context(), "maker", c.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if text, err := io.ReadAll(conn); string(text) != "hi" || err != nil {
				t.Errorf("heard %q, %v", text, err)
			}
		})
	}
}

func TestDialFails(t *testing.T) {
	answer := func(code byte) talk {
		return talk{{greets, "\x05\x00"}, {asksName, "\x05" + string([]byte{code}) + granted[2:]}}
	}
	for name, c := range map[string]struct {
		talk  talk
		fails error
		says  string
	}{
		"not found":       {answer(0xf0), ErrUnreachable, "not found"},
		"wrong letter":    {answer(0xf6), ErrUnreachable, "no onion address"},
		"general":         {answer(1), ErrUnreachable, "just started"},
		"unknown reason":  {answer(0x99), ErrUnreachable, "0x99"},
		"no SOCKS":        {talk{{greets, "HT"}}, ErrNotTor, "SOCKS5"},
		"ends at once":    {talk{{greets, ""}}, ErrNotTor, ""},
		"no method":       {talk{{greets, "\x05\xff"}}, ErrNotTor, ""},
		"another method":  {talk{{greets, "\x05\x01"}}, ErrNotTor, "method 1"},
		"login refused":   {talk{{greets, "\x05\x02"}, {logsIn, "\x01\x01"}}, ErrNotTor, "login"},
		"ends in between": {talk{{greets, "\x05\x00"}, {asksName, ""}}, ErrUnreachable, ""},
		"address type":    {talk{{greets, "\x05\x00"}, {asksName, "\x05\x00\x00\x09"}}, ErrNotTor, "type 9"},
		"version":         {talk{{greets, "\x05\x00"}, {asksName, "\x04\x00\x00\x01"}}, ErrNotTor, "version 4"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Dialer{SOCKS: listen(t, c.talk.serve(t))}.Dial(t.Context(), "maker", onionHost+":5222")
			if !errors.Is(err, c.fails) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %v with %q", err, c.fails, c.says)
			}
		})
	}
}

// TestN17NoWay: nothing is looked up or dialled past the proxy.
func TestN17NoWay(t *testing.T) {
	for name, c := range map[string]struct {
		socks, identity, address string
		fails                    error
	}{
		"no socket":          {"unix:" + filepath.Join(t.TempDir(), "none"), "a", "example.com:1", ErrNoTor},
		"nothing configured": {"", "a", "example.com:1", ErrNoTor},
		"no identity":        {"127.0.0.1:1", "", "example.com:1", nil},
		"long identity":      {"127.0.0.1:1", strings.Repeat("a", 256), "example.com:1", nil},
		"no port":            {"127.0.0.1:1", "a", "example.com", nil},
		"port 0":             {"127.0.0.1:1", "a", "example.com:0", nil},
		"long name":          {"127.0.0.1:1", "a", strings.Repeat("a", 256) + ":1", nil},
	} {
		if _, err := (Dialer{SOCKS: c.socks}).Dial(t.Context(), c.identity, c.address); err == nil || c.fails != nil && !errors.Is(err, c.fails) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, address := range []string{onionHost + ":5222", "A.ONION:1", "a.onion.:1", "onion:1"} {
		if _, err := Direct(t.Context(), address); !errors.Is(err, ErrDirect) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestDialEnds: a proxy that does not answer holds nobody longer than told.
func TestDialEnds(t *testing.T) {
	at := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (Dialer{SOCKS: at}).Dial(ctx, "a", "a:1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestLocalhost: that name of the proxy itself is not looked up either.
func TestLocalhost(t *testing.T) {
	at := listen(t, talk{{greets, "\x05\x00"}, {"\x05\x01\x00\x03\x01a\x00\x01", granted}}.serve(t))
	_, port, _ := net.SplitHostPort(at)
	conn, err := Dialer{SOCKS: "localhost:" + port}.Dial(t.Context(), "a", "a:1")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
