package onion

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzMessage: what is read, the library's reader reads to the same, and what is
// written of it is read as it was.
func FuzzMessage(f *testing.F) {
	for _, line := range recorded(f) {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"type": 1, "line": "\ud83d\ude00\u00e4\n\u007f\"\\\/", "x": [[{"a": null}], -1, true]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := ParseMessage(line)
		if err != nil {
			return
		}
		var theirs map[string]any
		if err := json.Unmarshal(line, &theirs); err != nil {
			t.Fatalf("the library does not read it: %v", err)
		}
		if theirs["type"] != float64(m.Type) || theirs["line"] != m.Text {
			t.Fatalf("the library reads %v", theirs)
		}
		written, err := m.Append(nil)
		if err != nil {
			return
		}
		if strings.IndexFunc(string(written), func(r rune) bool { return r < ' ' || r > '~' }) != len(written)-2 || !strings.HasSuffix(string(written), "\r\n") {
			t.Fatalf("written as %q: more than one line (attack N21)", written)
		}
		if again, err := ParseMessage(written[:len(written)-2]); err != nil || again != m {
			t.Fatalf("read again as %v, %v", again, err)
		}
	})
}

// FuzzStream: however a stream is cut, the same messages come.
func FuzzStream(f *testing.F) {
	f.Add([]byte("{\"type\": 1, \"line\": \"a\"}\r\n{\"type\": 2, \"line\": \"b\"}\n\n"), uint8(3))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		whole := NewReader(strings.NewReader(string(stream)), nil)
		cut := NewReader(&inParts{string(stream), int(size)%7 + 1}, nil)
		for {
			a, errA := whole.Read()
			b, errB := cut.Read()
			if a != b || (errA == nil) != (errB == nil) {
				t.Fatalf("%v, %v; in parts %v, %v", a, errA, b, errB)
			}
			if errA != nil {
				return
			}
		}
	})
}

// FuzzLine: what is read is written back byte for byte.
func FuzzLine(f *testing.F) {
	for _, line := range recorded(f) {
		m, _ := ParseMessage([]byte(line))
		f.Add(uint16(m.Type), m.Text)
	}
	f.Fuzz(func(t *testing.T, n uint16, text string) {
		m := Message{Type(n), text}
		if l, err := ParseLine(m); err == nil && l.Message() != m {
			t.Fatalf("written as %v", l.Message())
		}
	})
}

// FuzzHello: what is read is read again from what is written of it.
func FuzzHello(f *testing.F) {
	for _, line := range recorded(f) {
		if m, _ := ParseMessage([]byte(line)); m.Type == HelloClient || m.Type == HelloDirectory {
			f.Add(m.Text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := ParseClientHello(text, true); err == nil {
			if again, err := ParseClientHello(h.Message().Text, true); err != nil || !reflect.DeepEqual(h, again) {
				t.Fatalf("%+v\n%+v, %v", h, again, err)
			}
		}
		if h, err := ParseDirectoryHello(text); err == nil {
			if again, err := ParseDirectoryHello(h.Message().Text); err != nil || !reflect.DeepEqual(h, again) {
				t.Fatalf("%+v\n%+v, %v", h, again, err)
			}
		}
	})
}

// FuzzPeers: what is read is read again from what is written of it, and can be
// dialled only if it is an onion service.
func FuzzPeers(f *testing.F) {
	for _, line := range recorded(f) {
		if m, _ := ParseMessage([]byte(line)); m.Type == PeerList {
			f.Add(m.Text)
		}
	}
	f.Add("J54ArGJCoQNAPu4T;NOT-SERVING-ONION;D;F:a+b;X,;")
	f.Fuzz(func(t *testing.T, text string) {
		peers := ParsePeers(text, false)
		for _, p := range peers {
			if !p.Nick.Valid() || p.Location.Serving() && !IsOnion(p.Location.Host()) {
				t.Fatalf("%+v", p)
			}
		}
		if again := ParsePeers(PeersMessage(peers).Text, false); !reflect.DeepEqual(peers, again) {
			t.Fatalf("%+v\n%+v", peers, again)
		}
	})
}

// inParts is a stream that comes in parts.
type inParts struct {
	text string
	size int
}

func (p *inParts) Read(to []byte) (int, error) {
	n, err := strings.NewReader(p.text[:min(p.size, len(p.text))]).Read(to)
	p.text = p.text[n:]
	return n, err
}
