// Package haproxy reads the line that a Tor with HiddenServiceExportCircuitID
// writes before a connection to an onion service: version 1 of the PROXY protocol
// of HAProxy, with an address that stands for the circuit. Only whoever is on the
// same machine may be believed to write it.
package haproxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// ErrHeader means that a connection does not begin with the line.
var ErrHeader = errors.New("no PROXY line of Tor before the connection: set HiddenServiceExportCircuitID haproxy, or do not expect one")

// maxHeader is the greatest length of the line, with its end (PROXY protocol,
// 2.1).
const maxHeader = 107

// Read reads the line, and returns the address that stands for the circuit and
// what came behind the line. It fails with ErrHeader or the error of r.
func Read(r io.Reader) (circuit netip.Addr, rest []byte, err error) {
	buf := make([]byte, 0, maxHeader)
	for {
		if line, behind, ok := bytes.Cut(buf, []byte("\r\n")); ok {
			circuit, err = parse(string(line))
			return circuit, behind, err
		}
		if len(buf) == cap(buf) || !bytes.HasPrefix(buf, []byte("PROXY ")[:min(len(buf), 6)]) {
			return netip.Addr{}, nil, ErrHeader
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if n == 0 && err != nil {
			return netip.Addr{}, nil, err
		}
	}
}

// parse reads "PROXY TCP6 source destination port port".
func parse(line string) (netip.Addr, error) {
	f := strings.Split(line, " ")
	if len(f) != 6 || f[1] != "TCP4" && f[1] != "TCP6" {
		return netip.Addr{}, ErrHeader
	}
	source, err := netip.ParseAddr(f[2])
	if err != nil || source.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%w: %.40q is no address", ErrHeader, f[2])
	}
	return source, nil
}
