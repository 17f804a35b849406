package haproxy

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
)

// ofTor is the line of a Tor: its circuit 66,051 has the address of that number
// (Tor: HiddenServiceExportCircuitID).
const ofTor = "PROXY TCP6 fc00:dead:beef:4dad::1:203 ::1 65535 42\r\n"

func TestRead(t *testing.T) {
	for _, r := range []io.Reader{strings.NewReader(ofTor + "rest"), iotest.OneByteReader(strings.NewReader(ofTor)), iotest.DataErrReader(strings.NewReader(ofTor))} {
		circuit, rest, err := Read(r)
		if err != nil || circuit != netip.MustParseAddr("fc00:dead:beef:4dad::1:203") || len(rest) != 0 && string(rest) != "rest" {
			t.Errorf("%v, %q, %v", circuit, rest, err)
		}
	}
}

func TestN13WrongHeaders(t *testing.T) {
	for _, text := range []string{
		`{"type": 793, "line": "x"}` + "\r\n", "PROXY\r\n", "PROXY UNKNOWN\r\n", "PROXY TCP6 ::1 ::1 1\r\n", "PROXY TCP6 x ::1 1 2\r\n",
		"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY " + strings.Repeat("x", 200), "PRox", "PROXY UDP6 ::1 ::1 1 2\r\n",
		"\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x0c", // version 2
	} {
		if _, _, err := Read(strings.NewReader(text)); !errors.Is(err, ErrHeader) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := Read(strings.NewReader("PROXY TCP6 ")); !errors.Is(err, io.EOF) {
		t.Errorf("a line that is cut off: %v", err)
	}
}

// FuzzRead: what comes behind the line is what was sent behind it.
func FuzzRead(f *testing.F) {
	f.Add([]byte(ofTor + "x"))
	f.Add([]byte("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		circuit, rest, err := Read(bytes.NewReader(sent))
		if err != nil {
			return
		}
		if end := bytes.Index(sent, []byte("\r\n")); !circuit.IsValid() || !bytes.HasPrefix(sent[end+2:], rest) {
			t.Errorf("%v, %q", circuit, rest)
		}
	})
}
