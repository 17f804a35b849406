package onion

import (
	"bytes"
	"crypto/sha3"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ErrLocation means that a text is no location that may be dialled.
var ErrLocation = errors.New("not a location: want an onion service of version 3 and a port")

// Location is where a bot can be reached: host:port, or NotServing.
type Location string

// NotServing is the location of a bot that nobody can dial.
const NotServing Location = "NOT-SERVING-ONION"

// ParseLocation reads a location: NotServing, or an onion service of version 3,
// its checksum verified, in lower case and a port of 1 to 65535. With loopback an
// address such as 127.0.0.1:5222 is one too, which is for tests: dialling it, or
// any other host, because a stranger says so would tell who we are (attack N7).
// It fails with ErrLocation.
func ParseLocation(text string, loopback bool) (Location, error) {
	if text == string(NotServing) {
		return NotServing, nil
	}
	host, port, ok := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || n == 0 || port != strconv.FormatUint(n, 10) {
		return "", fmt.Errorf("%w: %.80q", ErrLocation, text)
	}
	if IsOnion(host) || loopback && isLoopback(host) {
		return Location(text), nil
	}
	return "", fmt.Errorf("%w: %.80q", ErrLocation, text)
}

// Serving reports whether l can be dialled.
func (l Location) Serving() bool { return l != "" && l != NotServing }

// Host is l without the port.
func (l Location) Host() string {
	host, _, _ := net.SplitHostPort(string(l))
	return host
}

// OnionSize is the length of the name of an onion service of version 3 without
// ".onion".
const OnionSize = 56

// IsOnion reports whether host is the name of an onion service of version 3: a
// key, its checksum and the version in base32 of lower case (Tor: rend-spec-v3,
// encoding onion addresses).
func IsOnion(host string) bool {
	name, ok := strings.CutSuffix(host, ".onion")
	if !ok || len(name) != OnionSize || strings.ToLower(name) != name {
		return false
	}
	raw, err := base32.StdEncoding.DecodeString(strings.ToUpper(name))
	if err != nil {
		return false
	}
	key, sum, version := raw[:32], raw[32:34], raw[34]
	return version == 3 && bytes.Equal(sum, onionChecksum(key))
}

// OnionHost is the name of the onion service of an ed25519 key of 32 bytes.
func OnionHost(key []byte) string {
	raw := append(append(bytes.Clone(key), onionChecksum(key)...), 3)
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw)) + ".onion"
}

func onionChecksum(key []byte) []byte {
	sum := sha3.Sum256(append(append([]byte(".onion checksum"), key...), 3))
	return sum[:2]
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Is4() && ip.IsLoopback()
}
