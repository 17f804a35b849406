package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

var (
	light    = Config{KDF: KDF{Memory: 8, Passes: 1, Lanes: 1}}
	password = secret.NewText("correct horse")
	content  = []byte(`{"some":"body"}`)
)

// newFile returns the path of a closed wallet.
func newFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "folder", "w.jmw")
	f, err := Create(path, password, content, light)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCreateSaveOpen(t *testing.T) {
	path := newFile(t)
	f, body, err := Open(path, password, Config{})
	if err != nil || !bytes.Equal(body, content) {
		t.Fatalf("body %q, %v", body, err)
	}
	next := bytes.Repeat([]byte("more "), 1000)
	for range 3 {
		if err := f.Save(next); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(next); !errors.Is(err, ErrClosed) {
		t.Errorf("Save after Close: %v", err)
	}
	if err := f.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	f, body, err = Open(path, password, Config{})
	if err != nil || !bytes.Equal(body, next) {
		t.Fatalf("body after saving: %d bytes, %v", len(body), err)
	}
	f.Close()
}

func TestW1EveryBitFlipIsNoticed(t *testing.T) {
	path := newFile(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		want := ErrDamaged
		if bit/8 < magicSize {
			want = ErrNotWallet
		}
		if _, body, err := Open(path, password, light); !errors.Is(err, want) || body != nil {
			t.Errorf("bit %d: %q, %v; want %v", bit, body, err, want)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, bad) {
			t.Fatalf("bit %d: the damaged file was changed", bit)
		}
	}
}

func TestW1EveryLengthIsNoticed(t *testing.T) {
	path := newFile(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(good) {
		if err := os.WriteFile(path, good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(path, password, light); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if err := os.WriteFile(path, append(good, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path, password, light); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestSavesShareNoBytes(t *testing.T) {
	path := newFile(t)
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := make(map[string]bool)
	for range 50 {
		if err := f.Save(content); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		nonce, sealed := string(file[72:96]), string(file[headerSize:])
		if seen[nonce] || seen[sealed] {
			t.Fatal("a nonce came twice")
		}
		seen[nonce], seen[sealed] = true, true
		if bytes.Contains(file, content[:6]) {
			t.Fatal("the body is readable")
		}
	}
}

func TestW3WrongAndEmptyPasswords(t *testing.T) {
	path := newFile(t)
	for _, wrong := range []string{"", "correct hors", "correct horse ", "Correct horse"} {
		if _, _, err := Open(path, secret.NewText(wrong), light); !errors.Is(err, ErrPassword) || errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "w"), secret.Text{}, content, light); !errors.Is(err, ErrEmptyPassword) {
		t.Errorf("a wallet without password: %v", err)
	}
	// A wrong guess gives the lock back.
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestW6CreateNeverOverwrites(t *testing.T) {
	path := newFile(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, password, content, light); !errors.Is(err, ErrExists) {
		t.Errorf("second Create: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Error("the file changed")
	}
	dangling := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dangling, password, content, light); !errors.Is(err, ErrExists) {
		t.Errorf("Create on a link: %v", err)
	}
}

// fullDisk fails every new file.
type fullDisk struct{ durable.System }

var errFull = errors.New("no space left")

func (fullDisk) Create(string, fs.FileMode) (durable.File, error) { return nil, errFull }

func TestD7FullDiskKeepsTheOldFile(t *testing.T) {
	path := newFile(t)
	f, _, err := Open(path, password, Config{Files: fullDisk{durable.OS}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Save([]byte("new")); !errors.Is(err, errFull) {
		t.Errorf("Save: %v", err)
	}
	f.Close()
	f, body, err := Open(path, password, light)
	if err != nil || !bytes.Equal(body, content) {
		t.Fatalf("body %q, %v", body, err)
	}
	f.Close()
}

func TestUnfinishedSaveIsClearedAway(t *testing.T) {
	path := newFile(t)
	left := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".0011223344556677.tmp")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

// FuzzOpen: whatever opens is what was saved.
func FuzzOpen(f *testing.F) {
	s, err := newSealer(password, light.KDF)
	if err != nil {
		f.Fatal(err)
	}
	good := s.seal(live, content)
	f.Add(good)
	f.Add(s.seal(backup, content))
	f.Add(good[:headerSize])
	f.Add([]byte("JMENCWLT"))
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := decodeHeader(file)
		if err != nil {
			return
		}
		if !bytes.Equal(h.encode(), file[:headerSize]) {
			t.Fatal("the header does not write back")
		}
		h.kdf = light.KDF // the work is bounded, but too much for a fuzzer
		s, err := openSealer(password, h)
		if err != nil {
			return
		}
		if body, err := s.open(file); err == nil && !bytes.Equal(body, content) {
			t.Fatalf("opened as %q", body)
		}
	})
}

func BenchmarkSave(b *testing.B) {
	f, err := Create(filepath.Join(b.TempDir(), "w"), password, content, light)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for b.Loop() {
		if err := f.Save(content); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDefaultKDF(b *testing.B) {
	for b.Loop() {
		if _, err := newSealer(password, DefaultKDF); err != nil {
			b.Fatal(err)
		}
	}
}
