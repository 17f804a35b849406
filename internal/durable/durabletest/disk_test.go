package durabletest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// TestCrashOfWriteFile: after a cut at each operation, whatever the file system
// makes of it, the file is the old or the new one.
func TestCrashOfWriteFile(t *testing.T) {
	for _, loss := range Losses() {
		for at := 1; at <= 6; at++ {
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			d := New(Fault{At: at, Err: ErrPower})
			err := durable.WriteFileOn(d, path, []byte("newer"), 0o600)
			if (err == nil) != (at == 6) { // there are five, Close not counted
				t.Errorf("cut at %d: %v", at, err)
			}
			if err := d.Crash(loss); err != nil {
				t.Fatal(err)
			}
			want := "old"
			if at == 6 || at == 5 && loss != Lost {
				want = "newer"
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("cut at %d, %s: %q, %v; want %q", at, loss, got, err, want)
			}
		}
	}
}

// TestCrashWithoutFlush: the disk notices whoever forgets to flush.
func TestCrashWithoutFlush(t *testing.T) {
	for loss, want := range map[Loss]string{Kept: "newer", Lost: "", Torn: "ne\x00\x00\x00"} {
		path := filepath.Join(t.TempDir(), "f")
		d := New(Fault{})
		f, err := d.Create(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("newer")); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if err := d.SyncDir(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if err := d.Crash(loss); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", loss, got, err, want)
		}
	}
}

// TestCrashOfJournal: flushed lines stay, and the folder's name.
func TestCrashOfJournal(t *testing.T) {
	for loss, want := range map[Loss]string{Kept: "one two ", Lost: "one ", Torn: "one tw\x00\x00"} {
		root := t.TempDir()
		path := filepath.Join(root, "a", "b", "journal")
		d := New(Fault{})
		if err := durable.MkdirAll(d, filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := d.Append(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.SyncDir(filepath.Dir(path)), durable.Append(f, []byte("one "))); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("two ")); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if err := d.Crash(loss); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", loss, got, err, want)
		}
	}
	// A folder whose parent was not flushed goes with all that is in it.
	folder := filepath.Join(t.TempDir(), "new")
	d := New(Fault{})
	if err := d.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFileOn(d, filepath.Join(folder, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Crash(Lost); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("a folder that was not flushed survived")
	}
}

// TestFullDisk: it stays full until Mend, but takes files away.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	d := New(Fault{At: 2, Err: syscall.ENOSPC, Stays: true})
	for range 2 {
		if err := durable.WriteFileOn(d, path, []byte("x"), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("on a full disk: %v", err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	d.Mend()
	if err := durable.WriteFileOn(d, path, []byte("x"), 0o600); err != nil {
		t.Errorf("with space again: %v", err)
	}
}
