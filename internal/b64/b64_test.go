package b64

import (
	"bytes"
	"testing"
)

func TestDecodeOneSpelling(t *testing.T) {
	if b, err := Decode("AAEC", 3); err != nil || !bytes.Equal(b, []byte{0, 1, 2}) {
		t.Fatalf("Decode = %x, %v", b, err)
	}
	if b, err := Decode("", 3); err != nil || len(b) != 0 {
		t.Fatalf("empty text: %x, %v", b, err)
	}
	for _, bad := range []string{
		"AAE", "AAE=\n", "AA\nEC", "AAEC=", "AAF=", "AAE= ", " AAE=", "AA-_", "AAECAw==", "A", "====", "AAE=AAE=",
	} {
		if b, err := Decode(bad, 3); err == nil {
			t.Errorf("Decode(%q) = %x", bad, b)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("AAEC")
	f.Add("AA==")
	f.Add("AB==")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := Decode(text, 40)
		if err == nil && (Encode(b) != text || len(b) > 40) {
			t.Errorf("Decode(%q) = %x, written back %q", text, b, Encode(b))
		}
	})
}
