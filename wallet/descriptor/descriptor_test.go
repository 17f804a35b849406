package descriptor

import (
	"errors"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

type vector struct {
	Kind       string
	Valid      bool
	Address    string
	XPub       string
	Type       txbuild.ScriptType
	Descriptor string
}

func TestAddressVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "descriptor.json", "descriptor", 3) {
		if text, err := Seal("addr(" + c.Address + ")"); text != c.Descriptor || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.Address, text, err, c.Descriptor)
		}
	}
}

func TestKeysVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "descriptor.json", "xpub_descriptor", 5) {
		body, err := Keys(c.Type, c.XPub+"/*")
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, txbuild.ErrScript) {
			t.Errorf("%s: %v, want accepted: %t", c.Type, err, c.Valid)
			continue
		}
		if !c.Valid {
			continue
		}
		if text, err := Seal(body); text != c.Descriptor || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.Type, text, err, c.Descriptor)
		}
	}
}

// sealed tells whether a text ends with its checksum.
func sealed(text string) bool {
	at := strings.LastIndexByte(text, '#')
	if at < 0 {
		return false
	}
	again, err := Seal(text[:at])
	return err == nil && again == text
}

// TestSeal has the examples of BIP380.
func TestSeal(t *testing.T) {
	if text, err := Seal("raw(deadbeef)"); text != "raw(deadbeef)#89f8spxm" || err != nil {
		t.Errorf("Seal = %q, %v", text, err)
	}
	for _, text := range []string{"raw(deadbeef)", "raw(deadbeef)#", "raw(deadbeef)#89f8spxmx", "raw(deadbeef)#89f8spx",
		"raw(deedbeef)#89f8spxm", "raw(deadbeef)##9f8spxm", "raw(deadbeef)#89f8SPXM"} {
		if sealed(text) {
			t.Errorf("%q is said to be sealed", text)
		}
	}
	for body, want := range map[string]error{
		"raw(Ü)": ErrCharacter, "raw(\xff)": ErrCharacter, "raw(" + strings.Repeat("0", MaxSize) + ")": ErrTooLong,
	} {
		if text, err := Seal(body); !errors.Is(err, want) {
			t.Errorf("Seal(%.40q) = %q, %v, want %v", body, text, err, want)
		}
	}
}

// FuzzChecksum: what is sealed has its checksum, and with any one character
// replaced it has not.
func FuzzChecksum(f *testing.F) {
	for _, c := range vectors.Kind[vector](f, "descriptor.json", "xpub_descriptor", 5) {
		f.Add(c.Descriptor, 5, 7)
	}
	f.Fuzz(func(t *testing.T, body string, at, with int) {
		text, err := Seal(body)
		if err != nil {
			return
		}
		if !sealed(text) || !strings.HasPrefix(text, body+"#") {
			t.Fatalf("%q is sealed %q", body, text)
		}
		at, other := int(uint(at)%uint(len(text))), characters[uint(with)%uint(len(characters))]
		if text[at] == other {
			return
		}
		if changed := text[:at] + string(other) + text[at+1:]; sealed(changed) {
			t.Fatalf("%q has a right checksum with character %d replaced by %q", changed, at, other)
		}
	})
}
