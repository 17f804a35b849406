package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

var errFault = errors.New("fault")

// faulty counts the operations and fails number at. Short writes half of the
// data before it fails.
type faulty struct {
	System
	at, count int
	short     bool
	log       []string
}

func (s *faulty) step(op string) error {
	s.log = append(s.log, op)
	s.count++
	if s.count == s.at {
		return errFault
	}
	return nil
}

func (s *faulty) Create(name string, perm fs.FileMode) (File, error) {
	if err := s.step("create"); err != nil {
		return nil, err
	}
	f, err := OS.Create(name, perm)
	return &faultyFile{f, s}, err
}

func (s *faulty) Rename(from, to string) error {
	if err := s.step("rename"); err != nil {
		return err
	}
	return OS.Rename(from, to)
}

func (s *faulty) Remove(name string) error {
	if err := s.step("remove"); err != nil {
		return err
	}
	return OS.Remove(name)
}

func (s *faulty) SyncDir(name string) error {
	if err := s.step("syncdir"); err != nil {
		return err
	}
	return OS.SyncDir(name)
}

type faultyFile struct {
	File
	s *faulty
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.s.step("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		if f.s.short {
			err = nil
		}
		return n, err
	}
	return f.File.Write(b)
}

func (f *faultyFile) Sync() error {
	if err := f.s.step("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	err := f.File.Close()
	if fault := f.s.step("close"); fault != nil {
		return fault
	}
	return err
}

func TestW2OrderOfOperations(t *testing.T) {
	sys := &faulty{System: OS}
	if err := WriteFileOn(sys, filepath.Join(t.TempDir(), "f"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{"create", "write", "sync", "close", "rename", "syncdir"}
	if !slices.Equal(sys.log, want) {
		t.Errorf("operations %v, want %v", sys.log, want)
	}
}

func TestW2FaultLeavesOldOrNew(t *testing.T) {
	const operations = 6
	for _, short := range []bool{false, true} {
		for at := 1; at <= operations; at++ {
			path := filepath.Join(t.TempDir(), "f")
			if err := WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			sys := &faulty{System: OS, at: at, short: short}
			err := WriteFileOn(sys, path, []byte("new content"), 0o600)
			if err == nil || errors.Is(err, ErrUnsure) != (at == operations) {
				t.Errorf("fault at %v: %v", sys.log, err)
			}
			want := "old"
			if at == operations { // the flush of the folder: renamed already
				want = "new content"
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("fault at %v: content %q, %v; want %q", sys.log, got, err, want)
			}
			if names := list(t, filepath.Dir(path)); len(names) != 1 {
				t.Errorf("fault at %v: left %v", sys.log, names)
			}
		}
	}
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("a longer old content"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("content %q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("W4: rights %v, %v", info.Mode(), err)
	}
	if err := WriteFile(filepath.Join(t.TempDir(), "none", "f"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	t.Chdir(t.TempDir())
	if err := WriteFile("bare", []byte("b"), 0o600); err != nil {
		t.Errorf("name without folder: %v", err)
	}
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f, err := OS.Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"one ", "two"} {
		if err := Append(f, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "one two" {
		t.Errorf("content %q, %v", got, err)
	}
	f.Close()
	if err := Append(f, []byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed file: %v", err)
	}
	for at := 2; at <= 3; at++ { // write, sync
		for _, short := range []bool{false, true} {
			sys := &faulty{System: OS, at: at, short: short}
			f, err := sys.Create(filepath.Join(t.TempDir(), "f"), 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if err := Append(f, []byte("data")); err == nil {
				t.Errorf("fault at %v (short %v): reported as written", sys.log, short)
			}
			f.Close()
		}
	}
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	keep := []string{"f", ".f.lock", ".f.0011.tmp", ".f.tmp", ".g.0011223344556677.tmp", "f.0011223344556677.tmp"}
	for _, name := range append([]string{".f.0011223344556677.tmp", ".f.8899aabbccddeeff.tmp"}, keep...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Clean(filepath.Join(dir, "f")); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keep)
	if got := list(t, dir); !slices.Equal(got, keep) {
		t.Errorf("left %v, want %v", got, keep)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}
