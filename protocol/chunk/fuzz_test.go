package chunk

import (
	"strings"
	"testing"
	"time"
)

// Whatever is sent is read as it was, in lines within the limit.
func FuzzSplit(f *testing.F) {
	f.Add("fill", "0 1")
	f.Add("auth", strings.Repeat("a", 1248))
	f.Add("error", "")
	f.Add("tx", strings.Repeat("; ~", 500))
	f.Fuzz(func(t *testing.T, command, body string) {
		texts, err := Split(us, command, body)
		if err != nil {
			return
		}
		// Where pieces are tiny, a receiver stops at maxPieces.
		if len(texts) <= maxPieces {
			checkRejoins(t, us, command, body, texts)
		}
	})
}

func FuzzPack(f *testing.F) {
	f.Add(pit, "!sw0reloffer 0 1 2 3 0.1!cancel 0!orderbook")
	f.Add(pit, strings.Repeat("!cancel 7", 100))
	f.Add("", "!")
	f.Fuzz(func(t *testing.T, channel, text string) {
		var groups []string
		for _, g := range strings.SplitAfter(text, "!") {
			groups = append(groups, "!"+strings.TrimSuffix(g, "!"))
		}
		texts, err := Pack(channel, groups)
		if err != nil {
			return
		}
		for _, g := range groups {
			if strings.HasSuffix(g, last) {
				return // a group that ends like a line loses its end, as peers read it
			}
		}
		checkPacked(t, channel, groups, texts)
	})
}

func BenchmarkSplit(b *testing.B) {
	body := strings.Repeat("A", 15_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Split(us, "tx", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	texts, err := Split(us, "tx", strings.Repeat("A", 15_000))
	if err != nil {
		b.Fatal(err)
	}
	j := NewJoiner(time.Now)
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			if _, _, err := j.Add(alice, text); err != nil {
				b.Fatal(err)
			}
		}
	}
}
