package protocol

import (
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

func TestNickForm(t *testing.T) {
	// Vectors whose fault is the key, not the form of the nick.
	wellFormed := map[string]bool{
		"key of somebody else":                   true,
		"nick of somebody else":                  true,
		"upper-case key text hashes differently": true,
		"partly upper-case key text":             true,
		"last character changed":                 true,
		"nick made from the uncompressed key":    true,
	}
	for _, c := range vectors.Load[struct {
		Nick   Nick
		Valid  bool
		Reason string
	}](t, "nick.json", 42) {
		if got, want := c.Nick.Valid(), c.Valid || wellFormed[c.Reason]; got != want {
			t.Errorf("Nick(%q).Valid() = %v, want %v (%s)", c.Nick, got, want, c.Reason)
		}
	}
}

func TestNickPadding(t *testing.T) {
	for padding := range 15 {
		n := Nick("J5" + strings.Repeat("z", 14-padding) + strings.Repeat("O", padding))
		if got, want := n.Valid(), padding <= 4; got != want {
			t.Errorf("%q: Valid() = %v, want %v", n, got, want)
		}
	}
	for _, bad := range "0OIl+/ \n\x00é" {
		if n := Nick("J5zzzzzz" + string(bad) + "zzzzzzz"); n.Valid() {
			t.Errorf("%q is valid", n)
		}
	}
}

func TestM1CommitmentsCompareAsBytes(t *testing.T) {
	const hex = "bbd3a17cc7a1325b2a18cdb198707c866864e3f394e09804ea3782162345564f"
	lower, err := Commitment("P" + hex).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	upper, err := Commitment("P" + strings.ToUpper(hex)).Bytes()
	if err != nil || upper != lower {
		t.Errorf("upper case: %x, %v", upper, err)
	}
	if got := NewCommitment(lower); got != "P"+hex {
		t.Errorf("written back: %s", got)
	}
	for _, bad := range []string{
		"", "P", hex, "p" + hex, "Q" + hex, "P" + hex[1:], "P" + hex[2:], "P" + hex + "00", "P0x" + hex[2:],
		"P" + hex[:62] + " f", "P" + hex[:62] + "zz", " P" + hex, "P" + hex + "\n",
	} {
		if b, err := Commitment(bad).Bytes(); err == nil || b != [32]byte{} {
			t.Errorf("%q: %x, %v", bad, b, err)
		}
	}
}

// TestRandomNick: no two are alike, and none can be told from one of a key.
func TestRandomNick(t *testing.T) {
	seen := map[Nick]bool{}
	for range 1000 {
		n := RandomNick()
		if !n.Valid() || seen[n] {
			t.Fatalf("%q", n)
		}
		seen[n] = true
	}
}
