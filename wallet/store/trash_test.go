package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

func TestW6TrashKeepsEverything(t *testing.T) {
	f := openFile(t, light)
	path := f.path
	kept, err := f.Backup(content)
	if err == nil {
		err = f.SaveSide([]byte("chain"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Trash(path, light); !errors.Is(err, ErrLocked) {
		t.Errorf("an open wallet: %v", err)
	}
	f.Close()

	folders := make(map[string]bool)
	for range 3 {
		folder, err := Trash(path, light)
		if err != nil || folders[folder] {
			t.Fatalf("%s, %v", folder, err)
		}
		folders[folder] = true
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("still there: %v", err)
		}
		if body, err := ReadBackup(filepath.Join(folder, filepath.Base(path)), password); err != nil || !bytes.Equal(body, content) {
			t.Errorf("in the trash: %q, %v", body, err)
		}
		// The name is free, and a new wallet of that name goes to the trash
		// beside the first.
		g, err := Create(path, password, content, light)
		if err != nil {
			t.Fatal(err)
		}
		g.Close()
	}
	for folder := range folders {
		g, body, err := Open(filepath.Join(folder, filepath.Base(path)), password, light)
		if err != nil || !bytes.Equal(body, content) {
			t.Fatalf("%q, %v", body, err)
		}
		g.Close()
	}
	if body, err := ReadBackup(kept.Path, password); err != nil || !bytes.Equal(body, content) {
		t.Errorf("backup: %q, %v", body, err)
	}
}

func TestTrashRefuses(t *testing.T) {
	path := newFile(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{link, filepath.Dir(path)} {
		if _, err := Trash(name, light); err == nil {
			t.Errorf("%s went to the trash", name)
		}
	}
	if _, err := Trash(path+"x", light); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// TestW2TrashLosesNothing: whatever operation fails, the wallet is in its place
// or in the trash.
func TestW2TrashLosesNothing(t *testing.T) {
	for at := 1; ; at++ {
		path := newFile(t)
		disk := &failing{System: durable.OS, at: at}
		folder, err := Trash(path, Config{Files: disk})
		if err == nil {
			if at <= 4 {
				t.Errorf("only %d operations", at-1)
			}
			return
		}
		if !errors.Is(err, errFault) || folder != "" {
			t.Errorf("operation %d: %q, %v", at, folder, err)
		}
		found, err := filepath.Glob(filepath.Join(filepath.Dir(path), trashFolder, "*", filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(found, path) {
			if body, err := ReadBackup(name, password); err == nil && bytes.Equal(body, content) {
				found = nil
				break
			} else if name == path {
				t.Errorf("operation %d failed: the wallet is lost: %v", at, err)
			}
		}
	}
}
