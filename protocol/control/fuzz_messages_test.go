package control_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// FuzzMessages: whatever decodes as a message of any type is written, and then
// decodes to what is written the same; the rest is ErrBadRequest.
func FuzzMessages(f *testing.F) {
	for i, m := range samples {
		text, err := json.Marshal(m.value)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		m := samples[int(which)%len(samples)]
		v, err := m.decode(text)
		if err != nil {
			if !errors.Is(err, control.ErrBadRequest) {
				t.Fatalf("%s: %v", m.name, err)
			}
			return
		}
		once, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.decode(once)
		if err != nil {
			t.Fatalf("%s: %s: %v", m.name, once, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s: %s became %s, %v", m.name, once, twice, err)
		}
	})
}
