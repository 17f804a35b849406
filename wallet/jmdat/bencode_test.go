package jmdat

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// encode writes dictionaries (map[string]any), lists ([]any), strings and
// integers in bencode.
func encode(v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		out := []byte{'d'}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(append(out, encode(key)...), encode(v[key])...)
		}
		return append(out, 'e')
	case []any:
		out := []byte{'l'}
		for _, item := range v {
			out = append(out, encode(item)...)
		}
		return append(out, 'e')
	case string:
		return fmt.Appendf(nil, "%d:%s", len(v), v)
	case int:
		return fmt.Appendf(nil, "i%de", v)
	case int64:
		return fmt.Appendf(nil, "i%de", v)
	}
	panic(fmt.Sprintf("cannot encode %T", v))
}

// decode is the inverse of encode, by what value offers.
func decode(t testing.TB, v value) any {
	switch v.kind() {
	case kindDict:
		dict := make(map[string]any)
		for key, child := range v.entries() {
			dict[string(key)] = decode(t, child)
		}
		return dict
	case kindList:
		items := []any{}
		for item := range v.items() {
			items = append(items, decode(t, item))
		}
		return items
	case kindText:
		text, ok := v.text()
		if !ok {
			t.Fatalf("%q is no text", v)
		}
		return string(text)
	default:
		n, ok := v.integer()
		if !ok {
			t.Fatalf("%q is no integer", v)
		}
		return n
	}
}

func TestParse(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("l", n) + strings.Repeat("e", n) }
	for _, c := range []struct {
		text string
		want error
	}{
		{"de", nil},
		{"le", nil},
		{"0:", nil},
		{"i0e", nil},
		{"i-1e", nil},
		{"i9223372036854775807e", nil},
		{"i-9223372036854775808e", nil},
		{"3:a\x00e", nil},
		{"d0:i1e1:ad1:b0:ee", nil},
		{"d1:10:1:20:e", nil},
		{deep(maxDepth + 1), nil},
		{"", ErrTruncated},
		{"d", ErrTruncated},
		{"l", ErrTruncated},
		{"i", ErrTruncated},
		{"i12", ErrTruncated},
		{"12", ErrTruncated},
		{"4:abc", ErrTruncated},
		{"99999999:abc", ErrTruncated},
		{"d1:a", ErrTruncated},
		{"li1e", ErrTruncated},
		{"dee", ErrDamaged},
		{"de\n", ErrDamaged},
		{"x", ErrDamaged},
		{"ie", ErrDamaged},
		{"i-0e", ErrDamaged},
		{"i01e", ErrDamaged},
		{"i+1e", ErrDamaged},
		{"i 1e", ErrDamaged},
		{"i1_0e", ErrDamaged},
		{"i9223372036854775808e", ErrDamaged},
		{"i" + strings.Repeat("1", 1000), ErrDamaged},
		{"01:a", ErrDamaged},
		{"-1:a", ErrDamaged},
		{"1x:a", ErrDamaged},
		{"999999999:abc", ErrDamaged},
		{"99999999999999999999999:a", ErrDamaged},
		{"d1:ai1e1:ai2ee", ErrDamaged},
		{"d1:bi1e1:ai2ee", ErrDamaged},
		{"d2:10i1e1:9i2e2:11i3ee", ErrDamaged},
		{"di1ei2ee", ErrDamaged},
		{"d1:ae", ErrDamaged},
		{deep(maxDepth + 2), ErrTooLarge},
		{strings.Repeat("d0:", 1000), ErrTooLarge},
	} {
		v, err := parse([]byte(c.text))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%.40q: %v, want %v", c.text, err, c.want)
		}
		if err == nil && !bytes.Equal(encode(decode(t, v)), []byte(c.text)) {
			t.Errorf("%.40q reads as %.40q", c.text, encode(decode(t, v)))
		}
	}
}

func TestWalkStops(t *testing.T) {
	v, err := parse([]byte("d1:ai1e1:bi2ee"))
	if err != nil {
		t.Fatal(err)
	}
	for key := range v.entries() {
		if string(key) != "a" {
			t.Errorf("went on to %q", key)
		}
		break
	}
	v, err = parse([]byte("li1ei2ee"))
	if err != nil {
		t.Fatal(err)
	}
	for item := range v.items() {
		if string(item) != "i1e" {
			t.Errorf("went on to %q", item)
		}
		break
	}
}

// FuzzParse: what parses writes back byte for byte.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"p2wpkh.jmdat", "bonds.jmdat", "watchonly.jmdat", "aligned.jmdat"} {
		f.Add(plaintext(f, name))
	}
	for _, text := range []string{"de", "i-1e", "l0:e", "d0:0:e", "i-0e", "d1:a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parse(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		if again := encode(decode(t, v)); !bytes.Equal(again, data) {
			t.Fatalf("%q reads as %q", data, again)
		}
	})
}
