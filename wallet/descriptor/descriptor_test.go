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
		text, err := Seal(Address(c.Address))
		if text != c.Descriptor || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.Address, text, err, c.Descriptor)
		}
		body, err := Open(c.Descriptor)
		if err != nil {
			t.Errorf("Open(%s): %v", c.Descriptor, err)
		}
		for _, text := range []string{body, c.Descriptor} {
			if address, err := AddressOf(text); address != c.Address || err != nil {
				t.Errorf("AddressOf(%s) = %s, %v", text, address, err)
			}
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

func TestAddressOfVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "descriptor.json", "descriptor_text", 5) {
		address, err := AddressOf(c.Descriptor)
		// Where the reference finds an empty address, we find none.
		if accept := c.Valid && c.Address != ""; (err == nil) != accept || address != c.Address {
			t.Errorf("AddressOf(%s) = %q, %v, want %q (%t)", c.Descriptor, address, err, c.Address, accept)
		}
		if err != nil && !errors.Is(err, ErrForm) {
			t.Errorf("AddressOf(%s): %v has no code", c.Descriptor, err)
		}
		if _, err := Open(c.Descriptor); !errors.Is(err, ErrChecksum) {
			t.Errorf("Open(%s): %v, want ErrChecksum", c.Descriptor, err)
		}
	}
}

// TestOpen has the examples of BIP380.
func TestOpen(t *testing.T) {
	if body, err := Open("raw(deadbeef)#89f8spxm"); body != "raw(deadbeef)" || err != nil {
		t.Errorf("Open = %q, %v", body, err)
	}
	for text, want := range map[string]error{
		"raw(deadbeef)":           ErrChecksum,
		"raw(deadbeef)#":          ErrChecksum,
		"raw(deadbeef)#89f8spxmx": ErrChecksum,
		"raw(deadbeef)#89f8spx":   ErrChecksum,
		"raw(deedbeef)#89f8spxm":  ErrChecksum,
		"raw(deadbeef)##9f8spxm":  ErrChecksum,
		"raw(deadbeef)#89f8SPXM":  ErrChecksum,
		"raw(Ü)#00000000":         ErrCharacter,
		"raw(\xff)#00000000":      ErrCharacter,
		"raw(" + strings.Repeat("0", MaxSize) + ")#89f8spxm": ErrTooLong,
	} {
		if body, err := Open(text); !errors.Is(err, want) {
			t.Errorf("Open(%.40q) = %q, %v, want %v", text, body, err, want)
		}
	}
}

// FuzzChecksum: what is sealed opens to the same, and with any one character
// replaced it does not open.
func FuzzChecksum(f *testing.F) {
	for _, c := range vectors.Kind[vector](f, "descriptor.json", "xpub_descriptor", 5) {
		f.Add(c.Descriptor, 5, 7)
	}
	f.Fuzz(func(t *testing.T, body string, at, with int) {
		text, err := Seal(body)
		if err != nil {
			return
		}
		if back, err := Open(text); back != body || err != nil {
			t.Fatalf("%q is sealed %q, opens to %q, %v", body, text, back, err)
		}
		at, other := int(uint(at)%uint(len(text))), characters[uint(with)%uint(len(characters))]
		if text[at] == other {
			return
		}
		if opened, err := Open(text[:at] + string(other) + text[at+1:]); err == nil {
			t.Fatalf("%q opens to %q with character %d replaced by %q", text, opened, at, other)
		}
	})
}
