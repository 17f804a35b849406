package amp_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/amp/amptest"
)

func reader(raw []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(raw)) }

func TestReadIsBounded(t *testing.T) {
	many := amp.Box{}
	for i := range amp.MaxPairs {
		many[strconv.Itoa(i)] = ""
	}
	full, err := many.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := amp.Read(reader(full), len(full)); err != nil {
		t.Errorf("%d pairs: %v", amp.MaxPairs, err)
	}
	more := append([]byte("\x00\x01a\x00\x00\x00\x01a\x00\x00"), full...) // a repeated key counts as well
	large := []byte("\x00\x01a\xff\xff" + strings.Repeat("x", amp.MaxValue) + "\x00\x00")
	for name, c := range map[string]struct {
		raw   []byte
		limit int
		want  error
	}{
		"too many pairs":     {more, 1 << 20, amp.ErrTooLarge},
		"one byte too large": {large, len(large) - 1, amp.ErrTooLarge},
		"as large as may be": {large, len(large), nil},
		"key too long":       {append([]byte{1, 0}, make([]byte, 300)...), 1 << 20, amp.ErrMalformed},
		"nothing":            {nil, 1 << 20, io.EOF},
		"half a length":      {[]byte{0}, 1 << 20, io.ErrUnexpectedEOF},
		"no value":           {[]byte("\x00\x01a"), 1 << 20, io.ErrUnexpectedEOF},
		"no end":             {[]byte("\x00\x01a\x00\x01b"), 1 << 20, io.ErrUnexpectedEOF},
	} {
		if _, err := amp.Read(reader(c.raw), c.limit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, b := range map[string]amp.Box{
		"empty key":  {"": "x"},
		"long key":   {strings.Repeat("k", amp.MaxKey+1): ""},
		"long value": {"k": strings.Repeat("v", amp.MaxValue+1)},
	} {
		if _, err := b.Append(nil); !errors.Is(err, amp.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{map[string]any{"a": []any{1, "x,y:z", nil}}, `{"a": [1, "x,y:z", null]}`},
		{"ä€😀\x7f\u2028", `"\u00e4\u20ac\ud83d\ude00\u007f\u2028"`},
		{"a\"\\\n\b/<&>", `"a\"\\\n\b/<&>"`},
		{`\",:`, `"\\\",:"`},
		{[]any{}, `[]`},
	} {
		if got, err := amp.JSON(c.v); err != nil || got != c.want {
			t.Errorf("wrote %s, want %s, %v", got, c.want, err)
		}
	}
}

// TestFirstFaultStays: later arguments are not looked at.
func TestFirstFaultStays(t *testing.T) {
	args := amp.Box{"text": "x", "n": "1", "ok": "True", "list": "", "big.0": "x"}.Args()
	args.Text("gone")
	var v any
	args.JSON("n", &v)
	if text, n, list, big := args.Text("text"), args.Integer("n"), args.Texts("list"), args.Big("big"); text != "" || n.Sign() != 0 || list != nil || big != "" || v != nil {
		t.Errorf("after a fault: %q %v %v %q %v", text, n, list, big, v)
	}
	if err := args.Err(); !errors.Is(err, amp.ErrMissing) || !strings.Contains(err.Error(), `"gone"`) {
		t.Errorf("fault %v", err)
	}
}

// FuzzBox: what parses is written back with its pairs sorted, each key once: so
// what comes so is written back byte for byte.
func FuzzBox(f *testing.F) {
	f.Add([]byte("\x00\x01a\x00\x01b\x00\x00"))
	f.Add([]byte("\x00\x04nick\x00\x03J5x\x00\x04_ask\x00\x011\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bytes.NewReader(raw)
		buffered := bufio.NewReader(r)
		box, err := amp.Read(buffered, 1<<16)
		if err != nil {
			return
		}
		used := raw[:len(raw)-r.Len()-buffered.Buffered()]
		written, err := box.Append(nil)
		if err != nil {
			t.Fatalf("read %q and cannot write it: %v", used, err)
		}
		again, err := amp.Read(reader(written), 1<<16)
		if err != nil || !reflect.DeepEqual(again, box) {
			t.Fatalf("%q became %q, %v", box, again, err)
		}
		if sorted(used) && !bytes.Equal(written, used) {
			t.Fatalf("%q was written as %q", used, written)
		}
	})
}

// sorted reports whether the keys of a box ascend.
func sorted(raw []byte) bool {
	for last := ""; ; {
		size := int(raw[0])<<8 | int(raw[1])
		key := string(raw[2 : 2+size])
		if size == 0 {
			return true
		}
		if key <= last {
			return false
		}
		last, raw = key, raw[2+size:]
		raw = raw[2+(int(raw[0])<<8|int(raw[1])):]
	}
}

// FuzzValues: whatever a value is, it is read or refused; a list that is read is
// written back byte for byte.
func FuzzValues(f *testing.F) {
	f.Add("\x00\x01a")
	f.Add(`{"a": [1, 2]}`)
	f.Fuzz(func(t *testing.T, value string) {
		box := amp.Box{"k": value}
		args := box.Args()
		list := args.Texts("k")
		if written, err := amptest.Texts(list); args.Err() == nil && (err != nil || written != value) {
			t.Fatalf("%q was written as %q, %v", value, written, err)
		}
		args = box.Args()
		var v any
		args.JSON("k", &v)
		if args.Err() != nil {
			return
		}
		text, err := amp.JSON(v)
		if err != nil {
			t.Fatal(err)
		}
		again := amp.Box{"k": text}.Args()
		var w any
		again.JSON("k", &w)
		if again.Err() != nil || !reflect.DeepEqual(v, w) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q was written as %q", value, text)
		}
	})
}
