//go:build !windows

package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestW4OnlyTheOwnerMayRead(t *testing.T) {
	path := newFile(t)
	rights := func(name string, want fs.FileMode) {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: rights %v, %v; want %v", filepath.Base(name), info.Mode().Perm(), err, want)
		}
	}
	rights(path, 0o600)
	rights(path+".lock", 0o600)
	rights(filepath.Dir(path), 0o700)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	f, _, err := Open(path, password, light)
	if err != nil {
		t.Fatal(err)
	}
	rights(path, 0o600)
	if err := f.Save(content); err != nil {
		t.Fatal(err)
	}
	rights(path, 0o600)
	c, err := f.Backup(content)
	if err != nil {
		t.Fatal(err)
	}
	rights(c.Path, 0o600)
	rights(filepath.Dir(c.Path), 0o700)
	f.Close()
	folder, err := Trash(path, light)
	if err != nil {
		t.Fatal(err)
	}
	rights(folder, 0o700)
	rights(filepath.Dir(folder), 0o700)
	rights(filepath.Join(folder, filepath.Base(path)), 0o600)
}
