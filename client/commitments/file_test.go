package commitments

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

func TestFileOfTheReferenceIsKept(t *testing.T) {
	path, w := tempFile(t), newWorld()
	text := `{
    "used": [
        "` + strings.Repeat("AB", 32) + `"
    ],
    "external": {
        "` + outPoint(8) + `": {
            "P": "` + strings.Repeat("02", 33) + `",
            "reveal": {}
        },
        "` + outPoint(7) + `": {
            "P": "` + strings.Repeat("02", 33) + `",
            "reveal": {}
        }
    }
}`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	own := []coins.Coin{w.add(t, outPoint(0), []byte{1}, 1_000_000)}
	proof, err := open(t, path).Next(t.Context(), w, w, 1_000_000, own, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := proof.Commitment()
	want := strings.Replace(text, `"
    ],`, `",
        "`+hex.EncodeToString(c[:])+`"
    ],`, 1) + "\n"
	if string(got) != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("rights %v", info.Mode())
	}
}

func TestDamagedFileIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]", `{"used": [], "external": {}} x`, `{"used": ["ab"]}`, `{"used": ["` + strings.Repeat("zz", 32) + `"]}`,
		`{"used": [], "other": 1}`, `{"external": []}`, `{"external": {"x:0": {"P": "", "reveal": {"0": {}}}}}`,
		`{"external": {"` + outPoint(1) + `": {"P": "02", "reveal": {"0": {"P2": "", "s": "", "e": ""}}}}}`,
	} {
		path := tempFile(t)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(Config{Path: path, Tries: 3, Percent: 20})
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%q was changed to %q", text, after)
		}
	}
	if _, err := Open(Config{Path: t.TempDir(), Tries: 3, Percent: 20}); !errors.Is(err, ErrFile) {
		t.Errorf("a folder: %v", err)
	}
}

// failing is a file system on which the nth operation fails.
type failing struct {
	durable.System
	left int
}

var errDisk = errors.New("disk full")

func (f *failing) fail() error {
	if f.left--; f.left == 0 {
		return errDisk
	}
	return nil
}

func (f *failing) Create(name string, perm fs.FileMode) (durable.File, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	file, err := f.System.Create(name, perm)
	return failingFile{file, f}, err
}

func (f *failing) Rename(from, to string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.System.Rename(from, to)
}

func (f *failing) SyncDir(name string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.System.SyncDir(name)
}

type failingFile struct {
	durable.File
	system *failing
}

func (f failingFile) Write(b []byte) (int, error) {
	if err := f.system.fail(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f failingFile) Sync() error {
	if err := f.system.fail(); err != nil {
		return err
	}
	return f.File.Sync()
}

// TestD7NothingLeavesUnrecorded fails each disk operation in turn: no proof is
// returned, and the file is the old one or the new one.
func TestD7NothingLeavesUnrecorded(t *testing.T) {
	path, w := tempFile(t), newWorld()
	own := []coins.Coin{w.add(t, outPoint(0), []byte{1}, 1_000_000), w.add(t, outPoint(1), []byte{2}, 1_000_000),
		w.add(t, outPoint(2), []byte{3}, 1_000_000)}
	failed := 0
	for n := 1; ; n++ {
		disk := &failing{durable.OS, n}
		s, err := Open(Config{Path: path, Files: disk, Tries: 3, Age: 5, Percent: 20})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := s.Next(t.Context(), w, w, 1_000_000, own, nil)
		f, errRead := readFile(path)
		if errRead != nil {
			t.Fatal(errRead)
		}
		if err == nil {
			if !f.used[proof.Commitment()] {
				t.Error("not recorded")
			}
			break
		}
		failed++
		if !errors.Is(err, errDisk) || proof != (podle.Proof{}) {
			t.Errorf("operation %d: %v, %v", n, proof, err)
		}
	}
	if failed < 5 {
		t.Errorf("%d operations failed", failed)
	}
}
