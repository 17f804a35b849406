package onion

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestN3ReaderHoldsOneLine: a stream without an end of line is given up at the
// limit, however it comes, and the reader holds no more than that.
func TestN3ReaderHoldsOneLine(t *testing.T) {
	endless := strings.NewReader(strings.Repeat("x", 10*MaxLine))
	for name, in := range map[string]io.Reader{"at once": endless, "slowly": iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 2*MaxLine)))} {
		begun := 0
		r := NewReader(in, func() { begun++ })
		if _, err := r.Read(); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
		if begun != 1 || len(r.buf) > MaxLine+2 {
			t.Errorf("%s: told %d times that a line has begun, holding %d bytes", name, begun, len(r.buf))
		}
	}
	if left := endless.Len(); left < 10*MaxLine-2*(MaxLine+2) {
		t.Errorf("read on, up to %d bytes before the end", left)
	}
}

// TestN3ReaderIdlesSmall: after a great line a reader holds little again.
func TestN3ReaderIdlesSmall(t *testing.T) {
	great, _ := Message{Private, strings.Repeat("x", MaxLine-40)}.Append(nil)
	small, _ := Message{Public, "y"}.Append(nil)
	in := string(great) + string(small) + string(great) + string(small)
	for name, in := range map[string]io.Reader{"at once": strings.NewReader(in), "in bytes": iotest.OneByteReader(strings.NewReader(in))} {
		r := NewReader(in, nil)
		for range 2 {
			if m, err := r.Read(); err != nil || m.Type != Private || len(m.Text) != MaxLine-40 {
				t.Fatalf("%s: %d, %v", name, m.Type, err)
			}
			if m, err := r.Read(); err != nil || m != (Message{Public, "y"}) {
				t.Fatalf("%s: %d, %v", name, m.Type, err)
			}
		}
		if _, err := r.Read(); err != io.EOF || len(r.buf) > 2*idleBuffer {
			t.Errorf("%s: %v, holding %d bytes", name, err, len(r.buf))
		}
	}
}

// TestN4Bombs: what no honest peer writes is refused, and nothing of it kept.
func TestN4Bombs(t *testing.T) {
	around := func(extra string) string { return `{"type": 687, "line": "x", "y": ` + extra + `}` }
	keys := ""
	for i := range maxKeys {
		keys += `"k` + strings.Repeat("x", i) + `": 1, `
	}
	for name, line := range map[string]string{
		"five levels":           around(`[[[[]]]]`),
		"objects deep":          strings.Repeat(`{"a":`, 6000),
		"lists deep":            strings.Repeat(`[`, MaxLine),
		"a key twice":           `{"type": 687, "line": "x", "line": "y"}`,
		"an unknown key, twice": `{"type": 687, "line": "x", "a": 1, "a": 1}`,
		"a key twice, escaped":  `{"type": 687, "line": "x", "l\u0069ne": "y"}`,
		"many keys":             `{` + keys + `"type": 687, "line": "x"}`,
		"a fraction":            around(`0.5`),
		"a huge number":         around(strings.Repeat(`9`, 19)),
		"an exponent":           around(`1e400000`),
		"a zero in front":       around(`01`),
		"a lone high half":      `{"type": 687, "line": "\ud83d"}`,
		"a lone low half":       `{"type": 687, "line": "\ude00\ud83d"}`,
		"two high halves":       `{"type": 687, "line": "\ud83d\ud83d"}`,
		"a half unknown":        around(`"\ud800"`),
		"NUL":                   "{\"type\": 687, \"line\": \"\x00\"}",
		"NUL escaped":           `{"type": 687, "line": "\u0000"}`,
		"no UTF-8":              around("\"\xff\""),
		"overlong UTF-8":        around("\"\xc0\x80\""),
		"an upper-case true":    around(`True`),
		"type 65536":            `{"type": 65536, "line": "x"}`,
	} {
		if m, err := ParseMessage([]byte(line)); !errors.Is(err, ErrMessage) || m != (Message{}) {
			t.Errorf("%s: read as %d %q, %v", name, m.Type, m.Text, err)
		}
	}
	for name, line := range map[string]string{
		"four levels": around(`[[[1, -5, "\ud83d\ude00", null, true, false]]]`),
		"type 65535":  `{"type": 65535, "line": "x"}`,
	} {
		if _, err := ParseMessage([]byte(line)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestN6LocalTypesAreNotSent: of all numbers, only the reference's own events.
func TestN6LocalTypesAreNotSent(t *testing.T) {
	for n := range Type(1000) {
		b, err := Message{n, "127.0.0.1:5222"}.Append(nil)
		local := n == 785 || n == 787 || n == 797
		if errors.Is(err, ErrType) != local || local != (b == nil) {
			t.Errorf("type %d: %v", n, err)
		}
	}
}

// TestN7Locations: nothing that is not an onion service can be dialled.
func TestN7Locations(t *testing.T) {
	const good = "uhpavz4n4gkol665x4237jzwqxadnahbwqookfrgmos5nperjawjsgyd.onion:5222"
	for text, want := range map[string]bool{
		good:                          true,
		string(NotServing):            true,
		strings.ToUpper(good):         false,
		"v" + good[1:]:                false, // checksum
		good[:55] + "a" + good[56:]:   false, // version
		good[1:]:                      false,
		"a" + good:                    false,
		good + "0":                    true, // port 52220
		good + "00":                   false,
		good[:63] + "0":               false,
		good[:63] + "05222":           false,
		good[:63] + "+5222":           false,
		good[:62]:                     false,
		"127.0.0.1:5222":              false,
		"example.com:5222":            false,
		":5222":                       false,
		"[::1]:5222":                  false,
		"x." + good:                   false,
		good + "\n":                   false,
		"3g2upl4pq6kufc4m.onion:5222": false,
		"":                            false,
	} {
		if l, err := ParseLocation(text, false); (err == nil) != want || err == nil && string(l) != text {
			t.Errorf("%q: %q, %v", text, l, err)
		}
	}
	for text, want := range map[string]bool{"127.0.0.1:5222": true, "127.0.0.2:1": true, "localhost:5222": false, "8.8.8.8:5222": false, "10.0.0.1:5222": false, good: true} {
		if _, err := ParseLocation(text, true); (err == nil) != want {
			t.Errorf("%q in tests: %v", text, err)
		}
	}
	if h := OnionHost(make([]byte, 32)); !IsOnion(h) {
		t.Errorf("%s is none", h)
	}
}

// TestN19HelloLies: only true counts as a feature, and fields of another type, or
// of another program, are no hello.
func TestN19HelloLies(t *testing.T) {
	hello := func(features, version string) string {
		return `{"app-name": "joinmarket", "directory": false, "location-string": "NOT-SERVING-ONION", "proto-ver": ` + version +
			`, "features": ` + features + `, "nick": "J5RtdqCV2FhX92mO", "network": "signet", "more": {}}`
	}
	h, err := ParseClientHello(hello(`{"a": true, "b": false, "c": 1, "d": "true", "e f": true, "neutrino_compat": true}`, "5"), false)
	if err != nil || len(h.Features) != 2 || !h.Features.Has("a") || !h.Features.Has("neutrino_compat") {
		t.Errorf("features %q, %v", h.Features, err)
	}
	for text, want := range map[string]error{
		hello(`[]`, "5"):                     ErrHello,
		hello(`null`, "5"):                   ErrHello,
		hello(`{}`, "5.0"):                   ErrHello,
		hello(`{}`, "4"):                     ErrRefused,
		hello(`{"a": true, "a": true}`, "5"): ErrHello,
	} {
		if _, err := ParseClientHello(text, false); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	if NetworkName("regtest") != NetworkName("testnet") || NetworkName("signet") == NetworkName("mainnet") {
		t.Error("names of networks")
	}
}

// TestLines: the type must fit the addressee, and joinmarket-ng's surplus '!' is
// no harm.
func TestLines(t *testing.T) {
	const nick = "J5RtdqCV2FhX92mO"
	l, err := ParseLine(Message{Public, nick + "!PUBLIC!!orderbook"})
	if err != nil || l != (Line{From: nick, Body: "!!orderbook"}) {
		t.Errorf("%+v, %v", l, err)
	}
	for _, m := range []Message{
		{Private, nick + "!PUBLIC!orderbook"}, {Public, nick + "!" + nick + "!fill"}, {Public, nick + "!PUBLIC"}, {Public, "!PUBLIC!x"},
		{Public, nick + "!public!x"}, {Public, nick + "!PUBLIC!\x7f"}, {Public, nick + "!PUBLIC!a\r\nb"}, {Private, nick + "!!x"}, {Public, nick + "!!x"}, {Public, ""},
	} {
		if l, err := ParseLine(m); !errors.Is(err, ErrLine) {
			t.Errorf("%v: read as %+v", m, l)
		}
	}
}

// TestPeerForms: all four forms of an entry, and parts and entries of no meaning.
func TestPeerForms(t *testing.T) {
	const nick, at = "J54ArGJCoQNAPu4T", "uhpavz4n4gkol665x4237jzwqxadnahbwqookfrgmos5nperjawjsgyd.onion:5222"
	got := ParsePeers(strings.Join([]string{
		nick + ";" + at, nick + ";" + at + ";D", nick + ";" + at + ";F:a+b", nick + ";NOT-SERVING-ONION;D;F:a", nick + ";" + at + ";X;F:;F:c++c",
		"", nick, ";" + at, nick + ";127.0.0.1:1", nick + ";example.com:5222", "x;" + at, nick + ";", nick + ";;D",
	}, ","), false)
	want := "J54ArGJCoQNAPu4T;" + at + ",J54ArGJCoQNAPu4T;" + at + ";D,J54ArGJCoQNAPu4T;" + at + ";F:a+b,J54ArGJCoQNAPu4T;NOT-SERVING-ONION;D;F:a,J54ArGJCoQNAPu4T;" + at + ";F:c"
	if text := PeersMessage(got).Text; text != want {
		t.Errorf("%s", text)
	}
}
