package line

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// What parses is written in a canonical form, which reads as the same message
// and is written again byte for byte.
func FuzzParse(f *testing.F) {
	for group := range plain {
		f.Add(group)
		f.Add(group + " ~")
	}
	f.Fuzz(func(t *testing.T, group string) {
		m, err := Parse(group)
		if err != nil {
			var coded *Error
			if !errors.As(err, &coded) || coded.Err == nil {
				t.Fatalf("error without code: %v", err)
			}
			return
		}
		written := Append(nil, m)
		if !protocol.Printable(string(written)) || bytes.LastIndexByte(written, '!') != 0 {
			t.Fatalf("%q is written %q", group, written)
		}
		again, err := Parse(string(written[1:]))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%q reads %v, written %q reads %v, %v", group, m, written, again, err)
		}
		if twice := Append(nil, again); !bytes.Equal(twice, written) {
			t.Fatalf("%q is written %q and then %q", group, written, twice)
		}
		// Beyond what is tolerated by name, the text itself is canonical.
		if string(written[1:]) != group && !loose(m) {
			t.Fatalf("%q is written %q", group, written)
		}
	})
}

// loose reports whether peers force tolerance for m's command.
func loose(m Message) bool {
	switch m.(type) {
	case Orderbook, Offer, Cancel, Fill, PubKey, ErrorText, HP2:
		return true
	}
	return false
}

// The same for what is sealed; only the extended form of a coin is shortened.
func FuzzParseSealed(f *testing.F) {
	for text, c := range sealed {
		f.Add(string(c.Command()), text)
		f.Add(string(c.Command()), strings.Replace(text, ":1 ", ":1:00:5 ", 1))
	}
	f.Fuzz(func(t *testing.T, command, text string) {
		c, err := ParseSealed(protocol.Command(command), text)
		if err != nil {
			return
		}
		written := Plaintext(c)
		again, err := ParseSealed(c.Command(), written)
		if err != nil || !reflect.DeepEqual(again, c) || Plaintext(again) != written || !protocol.Printable(written) {
			t.Fatalf("%q reads %v, written %q reads %v, %v", text, c, written, again, err)
		}
		if written != text && strings.Count(text, ":") == strings.Count(written, ":") {
			t.Fatalf("%q is written %q", text, written)
		}
	})
}

// Joined again, the groups of a line are the line.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"!orderbook", "!!orderbook", "!a!!b", "!orderbook!orderbook", "!cancel 0!cancel 1 ~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		groups, err := Split(text)
		if err != nil {
			return
		}
		joined := "!" + strings.Join(groups, "!")
		if joined != text && "!"+joined != text {
			t.Fatalf("%q is joined as %q", text, joined)
		}
		if len(groups) > protocol.MaxGroups || strings.Count(joined, "!orderbook") > 1 && countOrderbooks(groups) > 1 {
			t.Fatalf("%q: %d groups", text, len(groups))
		}
	})
}

func countOrderbooks(groups []string) (n int) {
	for _, g := range groups {
		if m, err := Parse(g); err == nil && m == (Orderbook{}) {
			n++
		}
	}
	return n
}

func BenchmarkParseOffer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("sw0reloffer 0 100000 79000000 0 0.000020"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplitAndParseLine(b *testing.B) {
	const text = "!sw0reloffer 0 100000 79000000 0 0.000020!sw0absoffer 1 100000 50000000 0 500!cancel 3"
	b.ReportAllocs()
	for b.Loop() {
		groups, err := Split(text)
		if err != nil {
			b.Fatal(err)
		}
		for _, g := range groups {
			if _, err := Parse(g); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkAppendOffer(b *testing.B) {
	m := plain["sw0reloffer 0 100000 79000000 0 0.00002"]
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], m)
	}
}
