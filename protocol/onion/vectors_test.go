package onion

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

// step is what happens in a session of the vectors, and what the reference does
// then.
type step struct {
	Do   string
	Line string
	Out  []struct{ To, Line string }
}

type session struct {
	Steps []step
}

func TestEncodeVectors(t *testing.T) {
	type vector struct {
		Type  Type
		Line  string
		Bytes string
	}
	for _, c := range vectors.Kind[vector](t, "onion_json.json", "encode", 11) {
		got, err := Message{c.Type, c.Line}.Append([]byte("before"))
		if want := "before" + c.Bytes + "\r\n"; err != nil || string(got) != want {
			t.Errorf("Append = %.120s, %v\nwant %.120s", got, err, want)
		}
	}
}

// TestN4DecodeVectors: where the reference is too lenient, and where the vectors
// leave the choice, what N4 forbids is refused.
func TestN4DecodeVectors(t *testing.T) {
	type vector struct {
		Hex    string `json:"bytes_hex"`
		Valid  bool
		Should string
		Type   json.RawMessage
		Line   string
		Note   string
	}
	stricter := map[string]bool{"key twice: the last one counts": true, "negative type": true, "huge type": true, "lone surrogate": true, "byte order mark": true, "nesting of 100": true}
	refused := 0
	for _, c := range vectors.Kind[vector](t, "onion_json.json", "decode", 41) {
		raw, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ParseMessage(raw)
		if stricter[c.Note] {
			refused++
		}
		if want := c.Valid && !stricter[c.Note]; (err == nil) != want {
			t.Errorf("%.60q: %v", raw, err)
		}
		if err == nil && (string(c.Type) != jsonNumber(m.Type) || m.Text != c.Line) {
			t.Errorf("%.60q: read as %d %q", raw, m.Type, m.Text)
		}
	}
	if refused != len(stricter) {
		t.Errorf("%d of %d stricter cases met", refused, len(stricter))
	}
}

func jsonNumber(t Type) string {
	b, _ := json.Marshal(t)
	return string(b)
}

func TestLengthVectors(t *testing.T) {
	type vector struct {
		Bytes  int `json:"line_bytes"`
		Closed bool
	}
	for _, c := range vectors.Kind[vector](t, "onion_json.json", "length", 3) {
		line := `{"type": 685, "line": "` + strings.Repeat("x", c.Bytes-len(`{"type": 685, "line": ""}`)) + `"}`
		for _, end := range []string{"\n", "\r\n"} {
			m, err := NewReader(strings.NewReader(line+end), nil).Read()
			if (err != nil) != c.Closed {
				t.Errorf("%d bytes: %v", c.Bytes, err)
			}
			if err == nil {
				if again, err := m.Append(nil); err != nil || string(again) != line+"\r\n" {
					t.Errorf("%d bytes: not written back: %v", c.Bytes, err)
				}
			}
		}
	}
	if _, err := (Message{Private, strings.Repeat("x", MaxLine)}).Append(nil); err != ErrTooLong {
		t.Errorf("a line of more than MaxLine is written: %v", err)
	}
}

// recorded are the lines that reference programs have said: in the vectors'
// sessions, and in a whole CoinJoin of a directory, three makers and a taker.
func recorded(t testing.TB) []string {
	var lines []string
	for _, s := range vectors.Kind[session](t, "onion_json.json", "session", 165) {
		for _, step := range s.Steps {
			for _, out := range step.Out {
				lines = append(lines, out.Line)
			}
		}
	}
	text, err := os.ReadFile("testdata/onion.txt")
	if err != nil {
		t.Fatal(err)
	}
	before := len(lines)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if _, raw, ok := strings.Cut(s.Text(), " | "); ok && !strings.HasPrefix(raw, "#") {
			lines = append(lines, raw)
		}
	}
	if before < 200 || len(lines)-before < 70 {
		t.Fatalf("%d recorded lines in sessions, %d in the CoinJoin", before, len(lines)-before)
	}
	return lines
}

// TestN19GoldenLines: what the reference says is read, and written back byte for
// byte, hellos, peer lists and lines of the market with what is in them.
func TestN19GoldenLines(t *testing.T) {
	seen := map[Type]int{}
	for _, raw := range recorded(t) {
		m, err := NewReader(strings.NewReader(raw+"\r\n"), nil).Read()
		if err != nil {
			t.Fatalf("%.200s: %v", raw, err)
		}
		seen[m.Type]++
		if again, err := m.Append(nil); err != nil || string(again) != raw+"\r\n" {
			t.Errorf("%.200s\nwritten as %.200s, %v", raw, again, err)
		}
		again, err := reread(m)
		if err != nil || again != m {
			t.Errorf("%.200s\nread and written as %.200s, %v", m.Text, again.Text, err)
		}
	}
	for _, want := range []Type{Private, Public, PeerList, HelloClient, HelloDirectory} {
		if seen[want] == 0 {
			t.Errorf("no line of type %d", want)
		}
	}
}

// reread reads the text of a message and writes it again.
func reread(m Message) (Message, error) {
	switch m.Type {
	case HelloClient:
		h, err := ParseClientHello(m.Text, true)
		return h.Message(), err
	case HelloDirectory:
		h, err := ParseDirectoryHello(m.Text)
		return h.Message(), err
	case PeerList:
		return PeersMessage(ParsePeers(m.Text, true)), nil
	case Public, Private:
		l, err := ParseLine(m)
		return l.Message(), err
	}
	return m, nil
}
