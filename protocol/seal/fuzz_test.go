package seal

import (
	"errors"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// What seals, opens at the peer to the same text, and nothing else opens.
func FuzzSealOpen(f *testing.F) {
	a, b := pair(f)
	f.Add("x", uint16(0), byte(0))
	f.Add("0c63:3|02|03", uint16(30), byte(1))
	f.Fuzz(func(t *testing.T, text string, at uint16, flip byte) {
		sealed, err := a.Seal(text)
		if err != nil {
			if text != "" && protocol.Printable(text) {
				t.Fatalf("Seal(%q): %v", text, err)
			}
			return
		}
		damaged := []byte(sealed)
		damaged[int(at)%len(damaged)] ^= flip
		got, err := b.Open(string(damaged))
		if flip == 0 && (err != nil || got != text) && len(sealed) <= protocol.MaxMessage {
			t.Fatalf("%q opens as %q, %v", text, got, err)
		}
		if flip != 0 && err == nil {
			t.Fatalf("%q damaged opens as %q", text, got)
		}
	})
}

// No text is accepted as a key in two spellings.
func FuzzPeerKey(f *testing.F) {
	k, err := NewKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.Public())
	f.Add(strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, text string) {
		b, err := k.With(text)
		if (b == nil) != (err != nil) || err != nil && !errors.Is(err, ErrKey) {
			t.Fatalf("With(%q) = %v, %v", text, b, err)
		}
		if err == nil && !protocol.IsHex(text, keySize) {
			t.Fatalf("With(%q) is accepted", text)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	x, _ := pair(b)
	text := strings.Repeat("a", 400) // an ioauth
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Seal(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	x, y := pair(b)
	sealed, err := x.Seal(strings.Repeat("a", 400))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := y.Open(sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWith(b *testing.B) {
	k, err := NewKey()
	if err != nil {
		b.Fatal(err)
	}
	peer, err := NewKey()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.With(peer.Public()); err != nil {
			b.Fatal(err)
		}
	}
}
