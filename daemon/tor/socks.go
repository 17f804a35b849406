package tor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// Numbers of SOCKS5 (RFC 1928, RFC 1929).
const (
	socksVersion = 5
	loginVersion = 1
	noLogin      = 0
	withLogin    = 2
	noMethod     = 0xff
	cmdConnect   = 1
	typeIPv4     = 1
	typeName     = 3
	typeIPv6     = 4
)

// replies of a SOCKS5 proxy (RFC 1928), and those above 0xef of a Tor with
// ExtendedErrors (Tor: socks-extensions.txt).
var replies = map[byte]string{
	0x01: "it does not say why; a Tor that has just started needs a while",
	0x02: "its rules forbid this connection",
	0x03: "the network cannot be reached from there",
	0x04: "the host cannot be reached: it is down, or no such onion service is known",
	0x05: "the host refuses the connection",
	0x06: "it took too long",
	0x07: "it does not make connections",
	0x08: "it does not take this kind of address",
	0xf0: "the onion service is not found: it is down, or has just come up",
	0xf1: "what the onion service says of itself cannot be read",
	0xf2: "the onion service is down, or its introduction points are",
	0xf3: "no meeting point with the onion service came about",
	0xf4: "the onion service wants a key from its clients",
	0xf5: "the onion service wants another key from its clients",
	0xf6: "that is no onion address: one of its letters is wrong",
	0xf7: "the onion service's introduction points do not answer in time",
}

// greet offers to go with a login and without, and returns what was chosen.
func greet(rw io.ReadWriter) (method byte, err error) {
	if _, err := rw.Write([]byte{socksVersion, 2, noLogin, withLogin}); err != nil {
		return 0, err
	}
	var answer [2]byte
	if _, err := io.ReadFull(rw, answer[:]); err != nil {
		return 0, fmt.Errorf("%w: it ends the connection: %w", ErrNotTor, err)
	}
	if answer[0] != socksVersion || answer[1] == noMethod {
		return 0, fmt.Errorf("%w: it does not speak SOCKS5 with us", ErrNotTor)
	}
	return answer[1], nil
}

// connect has a proxy connect to a host.
func connect(rw io.ReadWriter, identity, host string, port uint16) error {
	method, err := greet(rw)
	if err != nil {
		return err
	}
	if method == withLogin {
		if err := login(rw, identity); err != nil {
			return err
		}
	} else if method != noLogin {
		return fmt.Errorf("%w: it wants login method %d", ErrNotTor, method)
	}
	request := []byte{socksVersion, cmdConnect, 0}
	if ip, err := netip.ParseAddr(host); err != nil || ip.Zone() != "" {
		request = append(append(request, typeName, byte(len(host))), host...)
	} else if ip.Is4() {
		request = append(append(request, typeIPv4), ip.AsSlice()...)
	} else {
		request = append(append(request, typeIPv6), ip.AsSlice()...)
	}
	if _, err := rw.Write(binary.BigEndian.AppendUint16(request, port)); err != nil {
		return err
	}
	return readReply(rw)
}

func login(rw io.ReadWriter, identity string) error {
	var b bytes.Buffer
	b.WriteByte(loginVersion)
	for range 2 { // user and password
		b.WriteByte(byte(len(identity)))
		b.WriteString(identity)
	}
	if _, err := rw.Write(b.Bytes()); err != nil {
		return err
	}
	var answer [2]byte
	if _, err := io.ReadFull(rw, answer[:]); err != nil {
		return fmt.Errorf("%w: after the login: %w", ErrNotTor, err)
	}
	if answer[1] != 0 {
		return fmt.Errorf("%w: it refuses our login", ErrNotTor)
	}
	return nil
}

// readReply reads what became of a request, with the address that comes with it.
func readReply(r io.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("%w: it ends the connection: %w", ErrUnreachable, err)
	}
	if head[0] != socksVersion {
		return fmt.Errorf("%w: an answer of version %d", ErrNotTor, head[0])
	}
	if head[1] != 0 {
		text, ok := replies[head[1]]
		if !ok {
			text = "a reason that is not known"
		}
		return fmt.Errorf("%w: %s (SOCKS reply %#02x)", ErrUnreachable, text, head[1])
	}
	var size int
	switch head[3] {
	case typeIPv4:
		size = net.IPv4len
	case typeIPv6:
		size = net.IPv6len
	case typeName:
		var n [1]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return err
		}
		size = int(n[0])
	default:
		return fmt.Errorf("%w: an answer with address type %d", ErrNotTor, head[3])
	}
	_, err := io.ReadFull(r, make([]byte, size+2)) // and the port
	return err
}
