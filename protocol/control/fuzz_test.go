package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzFrame's laws: what is read as a frame writes back to a frame of the same
// value, which then writes back byte for byte; everything else is refused with
// a code.
func FuzzFrame(f *testing.F) {
	for _, body := range []string{
		`{"hello":{"software":"jm 1","min":1,"max":2,"features":["a"],"secret":"s"}}`,
		`{"id":1,"method":"start","params":{"a":[1,2.50,null,"\u003c"]}}`,
		`{"id":18446744073709551615,"result":null}`,
		`{"id":1,"error":{"code":"state","message":"not now"}}`,
		`{"event":"ready","params":{"channels":[]}}`,
		`{"error":{"code":"slow","message":""},"unknown":{}}`,
		`{}`, `{"id":1}`, `[]`, ``,
	} {
		whole := append([]byte{0, 0, 0, byte(len(body))}, body...)
		f.Add(whole)
		f.Add(whole[:len(whole)/2])
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		body, err := readBody(bufio.NewReader(bytes.NewReader(stream)), MaxClientFrame, func(bool) {})
		var parsed *frame
		if err == nil {
			parsed, err = parseFrame(body)
		}
		if err != nil {
			var code Code
			if !errors.As(err, &code) {
				t.Fatalf("no code: %v", err)
			}
			return
		}
		once, err := parsed.encode(MaxFrame)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseFrame(once[headerSize:])
		if err != nil {
			t.Fatalf("%q became %q: %v", body, once, err)
		}
		for name, pair := range map[string][2]json.RawMessage{"params": {parsed.Params, again.Params}, "result": {parsed.Result, again.Result}} {
			if a, b := compact(t, pair[0]), compact(t, pair[1]); !bytes.Equal(a, b) {
				t.Fatalf("%s: %q became %q", name, a, b)
			}
		}
		if parsed.ID != again.ID || parsed.Method != again.Method || parsed.Event != again.Event {
			t.Fatalf("%q became %q", body, once)
		}
		if twice, err := again.encode(MaxFrame); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q, %v", once, twice, err)
		}
	})
}

// compact removes what carries no value: blanks, and escapes of HTML signs.
func compact(t *testing.T, raw json.RawMessage) []byte {
	if raw == nil {
		return nil
	}
	var short, out bytes.Buffer
	if err := json.Compact(&short, raw); err != nil {
		t.Fatal(err)
	}
	json.HTMLEscape(&out, short.Bytes())
	return out.Bytes()
}
