package psbt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

type vector struct {
	Valid bool
	PSBT  string
	What  string
}

func TestBIP174Vectors(t *testing.T) {
	for i, c := range vectors.Load[vector](t, "bip174.json", 49) {
		accept := c.Valid
		if c.What == "transaction without inputs" {
			accept = false // allowed, but of no use to anybody here
		}
		p, err := Decode(c.PSBT)
		if (err == nil) != accept {
			t.Errorf("%d, %s: %v, want accepted: %t", i, c.What, err, accept)
			continue
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%d, %s: %v has no code", i, c.What, err)
			}
			continue
		}
		if back, err := p.Encode(); back != c.PSBT || err != nil {
			t.Errorf("%d, %s: written back %s, %v", i, c.What, back, err)
		}
	}
}

// full is a PSBT with every kind of field that we write.
func full(t testing.TB) []byte {
	t.Helper()
	w, other := newWallet(t, 1), newWallet(t, 2)
	tx, coins := payment(t, w, append(w.all(), other.all()[:3]...)...)
	p, err := Unsigned(tx, coins, w.Origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sign(w); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sign(other); err != nil {
		t.Fatal(err)
	}
	raw, err := p.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEveryCutIsRefused(t *testing.T) {
	raw := full(t)
	for n := range raw {
		if _, err := Parse(raw[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("first %d of %d bytes: %v", n, len(raw), err)
		}
	}
	if _, err := Parse(append(slices.Clone(raw), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte more: %v", err)
	}
}

// compact writes a compact size in 1 or 9 bytes, the latter whatever the
// value.
func compact(n uint64, long bool) []byte {
	if long {
		return binary.LittleEndian.AppendUint64([]byte{0xff}, n)
	}
	return []byte{byte(n)}
}

func TestHostileFraming(t *testing.T) {
	entry := func(key, value string) string {
		return string(compact(uint64(len(key)), false)) + key + string(compact(uint64(len(value)), false)) + value
	}
	outpoint := strings.Repeat("\x01", 36)
	tx := "\x02\x00\x00\x00" + "\x01" + outpoint + "\x00" + "\xff\xff\xff\xff" + "\x01" + strings.Repeat("\x00", 8) + "\x00" + "\x00\x00\x00\x00"
	whole := func(tx, global, input, output string) []byte {
		return []byte(magic + entry("\x00", tx) + global + "\x00" + input + "\x00" + output + "\x00")
	}
	if _, err := Parse(whole(tx, "", "", "")); err != nil {
		t.Fatalf("the least PSBT: %v", err)
	}
	if _, err := Parse(whole(tx, entry("\xfb", "\x00\x00\x00\x00"), entry("\x21x", "y"), entry("\xfc", ""))); err != nil {
		t.Fatalf("unknown fields: %v", err)
	}
	huge := string(compact(1<<40, true))
	many := ""
	for i := range maxRecords + 1 {
		many += entry("\xfc"+string(binary.LittleEndian.AppendUint32(nil, uint32(i))), "")
	}
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"version 2":              {whole(tx, entry("\xfb", "\x02\x00\x00\x00"), "", ""), ErrMalformed},
		"short version":          {whole(tx, entry("\xfb", "\x00"), "", ""), ErrMalformed},
		"no transaction":         {[]byte(magic + entry("\x01", tx) + "\x00"), ErrMalformed},
		"empty":                  {[]byte(magic + "\x00"), ErrMalformed},
		"inputs counted wrong":   {whole(strings.Replace(tx, "\x01"+outpoint, huge+outpoint, 1), "", "", ""), ErrMalformed},
		"no inputs":              {whole("\x02\x00\x00\x00"+"\x00"+tx[46:], "", "", ""), ErrMalformed},
		"outputs counted wrong":  {whole(tx[:46]+huge+tx[47:], "", "", ""), ErrMalformed},
		"script counted wrong":   {whole(tx[:41]+huge+tx[42:], "", "", ""), ErrMalformed},
		"witness in transaction": {whole("\x02\x00\x00\x00\x00\x01"+tx[4:len(tx)-4]+"\x00"+tx[len(tx)-4:], "", "", ""), ErrMalformed},
		"bytes after it":         {whole(tx+"\x00", "", "", ""), ErrMalformed},
		"size not shortest":      {whole(tx, "\x02\xfcx"+"\xfd\x01\x00"+"y", "", ""), ErrMalformed},
		"size too great":         {whole(tx, "\x02\xfcx"+huge, "", ""), ErrMalformed},
		"key too long":           {whole(tx, huge, "", ""), ErrMalformed},
		"type of three bytes":    {whole(tx, "", entry("\xfd\x00\x01", "y"), ""), ErrMalformed},
		"unknown key twice":      {whole(tx, "", entry("\x21x", "y")+entry("\x21x", "z"), ""), ErrMalformed},
		"key twice in output":    {whole(tx, "", "", entry("\x21x", "y")+entry("\x21x", "z")), ErrMalformed},
		"global key twice":       {whole(tx, entry("\x21x", "y")+entry("\x21x", "z"), "", ""), ErrMalformed},
		"many entries":           {whole(tx, "", many, ""), ErrTooLarge},
		"coin counted wrong":     {whole(tx, "", entry("\x01", strings.Repeat("\x00", 8)+"\x05abcd"), ""), ErrMalformed},
		"witness counted wrong":  {whole(tx, "", entry("\x08", huge), ""), ErrMalformed},
		"witness left over":      {whole(tx, "", entry("\x08", "\x00\x00"), ""), ErrMalformed},
		"witness empty":          {whole(tx, "", entry("\x08", ""), ""), ErrMalformed},
		"previous counted wrong": {whole(tx, "", entry("\x00", "\x02\x00\x00\x00"+huge), ""), ErrMalformed},
		"previous with flag 2":   {whole(tx, "", entry("\x00", "\x02\x00\x00\x00\x00\x02"+tx[4:]), ""), ErrMalformed},
		"previous witness wrong": {whole(tx, "", entry("\x00", "\x02\x00\x00\x00\x00\x01"+tx[4:len(tx)-4]+huge+"\x00\x00\x00\x00"), ""), ErrMalformed},
		"another previous":       {whole(tx, "", entry("\x00", tx), ""), ErrCoin},
		"too large":              {make([]byte, MaxSize+1), ErrTooLarge},
		"transaction too large": {[]byte(magic + "\x01\x00" + "\xfe" +
			string(binary.LittleEndian.AppendUint32(nil, maxTx+1)) + strings.Repeat("\x00", maxTx+1) + "\x00"), ErrTooLarge},
	} {
		if _, err := Parse(c.raw); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for _, bad := range []string{"", "cHNidP8", b64.Encode(whole(tx, "", "", "")) + "\n"} {
		if _, err := Decode(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("Decode(%q): %v", bad, err)
		}
	}
}

// entries lists the maps of a PSBT, each sorted by key.
func entries(t *testing.T, raw []byte) (maps [][]record) {
	c := cursor{rest: raw[len(magic):]}
	for len(c.rest) > 0 {
		m := c.records()
		slices.SortFunc(m, func(a, b record) int { return bytes.Compare(a.key, b.key) })
		maps = append(maps, m)
	}
	if c.err != nil {
		t.Fatal(c.err)
	}
	return maps
}

// sameEntries compares two maps.
func sameEntries(a, b []record) bool {
	return slices.EqualFunc(a, b, func(a, b record) bool { return bytes.Equal(a.key, b.key) && bytes.Equal(a.value, b.value) })
}

// FuzzParse: nothing gets lost. What parses is written back with the same
// entries, but for what is left over in inputs that are final, and a hash type
// of zero, which says nothing. No operation on it panics.
func FuzzParse(f *testing.F) {
	for _, c := range vectors.Load[vector](f, "bip174.json", 49) {
		if raw, err := b64.Decode(c.PSBT, MaxSize); err == nil {
			f.Add(raw)
		}
	}
	f.Add(full(f))
	w := newWallet(f, 1)
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse(raw)
		if err != nil {
			return
		}
		written, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%x is written %x, which is refused: %v", raw, written, err)
		}
		twice, err := again.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		before, after, last := entries(t, raw), entries(t, written), entries(t, twice)
		for i, m := range after {
			if !sameEntries(m, last[i]) {
				t.Fatalf("map %d of %x is written %x, then %x", i, raw, written, twice)
			}
			if slices.ContainsFunc(m, func(r record) bool { return string(r.key) == "\x07" || string(r.key) == "\x08" }) {
				continue
			}
			told := slices.DeleteFunc(before[i], func(r record) bool {
				return string(r.key) == "\x03" && string(r.value) == "\x00\x00\x00\x00"
			})
			if !sameEntries(told, m) {
				t.Fatalf("map %d of %x is written %x", i, raw, written)
			}
		}
		p.Summary(w)
		p.Sign(w)
		p.Finalize()
		p.Extract()
	})
}
