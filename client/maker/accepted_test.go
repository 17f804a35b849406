package maker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

func TestAcceptedSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accepted")
	a := mustOpen(t, path)
	if err := a.add([32]byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := a.add([32]byte{2}); err != nil {
		t.Fatal(err)
	}
	if err := a.add([32]byte{1}); !errors.Is(err, ErrAccepted) {
		t.Errorf("second acceptance: %v, want %v", err, ErrAccepted)
	}
	a.close()
	b := mustOpen(t, path)
	if !b.has([32]byte{1}) || !b.has([32]byte{2}) || b.has([32]byte{3}) {
		t.Errorf("after opening again: %v", b.set)
	}
}

// A cut at any byte leaves the whole lines, and the next line is readable.
func TestAcceptedCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accepted")
	a := mustOpen(t, path)
	for n := range byte(2) {
		if err := a.add([32]byte{n}); err != nil {
			t.Fatal(err)
		}
	}
	a.close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		a := mustOpen(t, path)
		if len(a.set) != n/acceptedLine {
			t.Fatalf("cut to %d bytes: %d lines", n, len(a.set))
		}
		if err := a.add([32]byte{9}); err != nil {
			t.Fatal(err)
		}
		a.close()
		if b := mustOpen(t, path); !b.has([32]byte{9}) {
			t.Fatalf("cut to %d bytes: what was added then is lost", n)
		}
	}
}

func TestAcceptedDamaged(t *testing.T) {
	for name, text := range map[string]string{
		"no hex":     strings.Repeat("x", 64) + "\n",
		"upper case": strings.Repeat("A", 64) + "\n",
		"no newline": strings.Repeat("a", 65) + "\n",
	} {
		path := filepath.Join(t.TempDir(), "accepted")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openAccepted(durable.OS, path); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v, want %v", name, err, ErrRecord)
		}
	}
}

func TestAcceptedNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accepted")
	a := mustOpen(t, path)
	a.file.Close()
	if err := a.add([32]byte{1}); err == nil || a.has([32]byte{1}) {
		t.Errorf("a commitment that was not written counts as accepted (%v)", err)
	}
}

func mustOpen(t *testing.T, path string) *accepted {
	t.Helper()
	a, err := openAccepted(durable.OS, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close() })
	return a
}
