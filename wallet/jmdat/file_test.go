package jmdat

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// TestOpenFileWritesNothing: the file and its folder stay as they are, whether
// opening succeeds or not.
func TestOpenFileWritesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "wallet.jmdat")
	data := vectorOf(t, "p2wpkh-plain.jmdat").data(t)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := OpenFile(path, secret.Text{})
	if err != nil || w.Type != Native {
		t.Fatalf("%+v, %v", w, err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().Equal(before.ModTime()) || after.Mode() != before.Mode() {
		t.Error("the file was touched")
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, data) {
		t.Errorf("the file was changed, %v", err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestOpenFileErrors(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large")
	if err := os.WriteFile(large, []byte(plainMark), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		filepath.Join(folder, "absent"): fs.ErrNotExist,
		folder:                          ErrNotWallet,
		large:                           ErrTooLarge,
	} {
		if w, err := OpenFile(path, secret.NewText("x")); !errors.Is(err, want) || w != nil {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestInUse(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "wallet.jmdat")
	lock := filepath.Join(folder, ".wallet.jmdat.lock")
	if _, locked, err := InUse(path); locked || err != nil {
		t.Errorf("no lock: %v, %v", locked, err)
	}
	for content, want := range map[string]int{
		"4711": 4711, "": 0, "x": 0, "-5": 0, "99999999999999999999": 0, "11111111111111111111111111111111111": 0,
	} {
		if err := os.WriteFile(lock, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if pid, locked, err := InUse(path); pid != want || !locked || err != nil {
			t.Errorf("%q: %d, %v, %v", content, pid, locked, err)
		}
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(lock, 0o700); err != nil {
		t.Fatal(err)
	}
	if pid, locked, err := InUse(path); pid != 0 || !locked || err != nil {
		t.Errorf("a folder: %d, %v, %v", pid, locked, err)
	}
}
