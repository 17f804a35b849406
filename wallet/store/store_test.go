package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
		if bit/8 < len(magic) {
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

func TestPasswords(t *testing.T) {
	path := newFile(t)
	for _, wrong := range []string{"", "correct hors", "correct horse ", "Correct horse"} {
		if _, _, err := Open(path, secret.NewText(wrong), light); !errors.Is(err, ErrPassword) || errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "w"), secret.Text{}, content, light); !errors.Is(err, ErrEmptyPassword) {
		t.Errorf("W3: a wallet without password: %v", err)
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

func TestForeignFiles(t *testing.T) {
	path := newFile(t)
	ours, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	future := bytes.Clone(ours)
	binary.BigEndian.PutUint16(future[8:], 2)
	binary.BigEndian.PutUint16(future[10:], ^uint16(2))
	for _, c := range []struct {
		name string
		file []byte
		want error
		say  string
	}{
		{"reference, sealed", []byte("JMENCWLT\x00\x01"), ErrReference, ".jmdat"},
		{"reference, plain", []byte("JMWALLETde"), ErrReference, "seed phrase"},
		{"text", []byte("hello, I am a text file"), ErrNotWallet, "check the path"},
		{"empty", nil, ErrDamaged, "backup"},
		{"newer", future, ErrFutureVersion, "newer version"},
		{"newer and shorter", future[:20], ErrFutureVersion, "newer version"},
		{"version 0", append([]byte(magic), 0, 0, 0xff, 0xff), ErrDamaged, "backup"},
	} {
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := Open(path, password, light)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, c.file) {
			t.Errorf("D13: %s: the file was changed", c.name)
		}
	}
	if _, _, err := Open(filepath.Dir(path), password, light); !errors.Is(err, ErrNotWallet) {
		t.Errorf("a folder: %v", err)
	}
	if _, _, err := Open(path+"x", password, light); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	big, err := os.Create(path)
	if err == nil {
		err = big.Truncate(maxSize + 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	big.Close()
	if _, _, err := Open(path, password, light); !errors.Is(err, ErrNotWallet) {
		t.Errorf("a giant file: %v", err)
	}
}

// A file with a good checksum that asks for too much work is refused before
// the work begins: the test would not end otherwise.
func TestW3WorkIsBounded(t *testing.T) {
	path := newFile(t)
	for _, kdf := range []KDF{
		{Memory: 100 << 20, Passes: 1, Lanes: 1},
		{Memory: 1<<32 - 1, Passes: 1<<32 - 1, Lanes: 255},
		{Memory: 8, Passes: 1<<32 - 1, Lanes: 1},
		{Memory: MaxMemory, Passes: MaxPasses + 1, Lanes: 1},
		{Memory: 8, Passes: 1, Lanes: 0},
		{Memory: 8, Passes: 0, Lanes: 1},
		{Memory: 7, Passes: 1, Lanes: 1},
		{Memory: 1 << 12, Passes: 1, Lanes: 256 + 1},
		{},
	} {
		file := append(header{kdf: kdf}.encode(), make([]byte, tagSize)...)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(path, password, light); !errors.Is(err, ErrDamaged) {
			t.Errorf("%+v: %v", kdf, err)
		}
		if kdf == (KDF{}) {
			continue // stands for the default
		}
		if _, err := Create(filepath.Join(t.TempDir(), "w"), password, nil, Config{KDF: kdf}); !errors.Is(err, errKDF) {
			t.Errorf("Create with %+v: %v", kdf, err)
		}
	}
	if err := DefaultKDF.Validate(); err != nil {
		t.Error(err)
	}
}

func TestDefaultKDF(t *testing.T) {
	f, err := Create(filepath.Join(t.TempDir(), "w"), password, content, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.sealer.header.kdf != DefaultKDF {
		t.Errorf("a new file has %+v", f.sealer.header.kdf)
	}
}

func TestSaveTooBig(t *testing.T) {
	f, err := Create(filepath.Join(t.TempDir(), "w"), password, content, light)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Save(make([]byte, maxSize)); err == nil {
		t.Error("saved a file that Open refuses")
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

func TestD11LockWithinTheProcess(t *testing.T) {
	path := newFile(t)
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "other-name")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		if _, _, err := Open(name, password, light); !errors.Is(err, ErrLocked) {
			t.Errorf("second Open of %s: %v", filepath.Base(name), err)
		}
	}
	if _, err := Create(path, password, content, light); !errors.Is(err, ErrLocked) {
		t.Errorf("Create: %v", err)
	}
	// Saving replaces the file; the lock must not go with the old one.
	if err := f.Save(content); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path, password, light); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open after a save: %v", err)
	}
	f.Close()
	f, _, err = Open(link, password, light)
	if err != nil {
		t.Fatalf("Open after Close: %v", err)
	}
	// A save through a link changes the file it points to.
	if err := f.Save([]byte("by link")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	f, body, err := Open(path, password, light)
	if err != nil || string(body) != "by link" {
		t.Fatalf("body %q, %v", body, err)
	}
	f.Close()
}

const childEnv = "STORE_TEST_OPEN"

// TestMain lets the test binary act as the other process: it opens the wallet,
// says so and holds it until it is killed, or its input ends with the test.
func TestMain(m *testing.M) {
	path := os.Getenv(childEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	if _, _, err := Open(path, password, light); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("open\n")
	io.Copy(io.Discard, os.Stdin)
}

func TestD11LockBetweenProcesses(t *testing.T) {
	path := newFile(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	n, _ := out.Read(line)
	if got := string(line[:n]); got != "open\n" {
		t.Fatalf("the other process says %q", got)
	}
	if _, _, err := Open(path, password, light); !errors.Is(err, ErrLocked) {
		t.Errorf("while another process has it: %v", err)
	}
	child.Process.Kill()
	child.Wait()
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatalf("after the other process was killed: %v", err)
	}
	f.Close()
}

// FuzzOpen: whatever opens is what was saved.
func FuzzOpen(f *testing.F) {
	s, err := newSealer(password, light.KDF)
	if err != nil {
		f.Fatal(err)
	}
	good := s.seal(content)
	f.Add(good)
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
