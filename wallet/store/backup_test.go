package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// open returns the open file of a new wallet.
func openFile(t testing.TB, cfg Config) *File {
	t.Helper()
	f, _, err := Open(newFile(t), password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestBackupIsNoWallet(t *testing.T) {
	f := openFile(t, light)
	c, err := f.Backup([]byte("as it was"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(c.Path, password, light); !errors.Is(err, ErrBackup) {
		t.Errorf("opened as a wallet: %v", err)
	}
	if body, err := ReadBackup(c.Path, password); err != nil || string(body) != "as it was" {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := ReadBackup(c.Path, secret.NewText("x")); !errors.Is(err, ErrPassword) {
		t.Errorf("wrong password: %v", err)
	}
	if after, err := os.ReadFile(c.Path); err != nil || !bytes.Equal(after, before) {
		t.Error("reading has changed the backup")
	}
	// A copy that the user made serves as well.
	if body, err := ReadBackup(f.path, password); err != nil || !bytes.Equal(body, content) {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := ReadBackup(f.path+"x", password); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Backup(content); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestW1EveryBitFlipInABackupIsNoticed(t *testing.T) {
	f := openFile(t, light)
	c, err := f.Backup(content)
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(c.Path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if body, err := ReadBackup(c.Path, password); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotWallet) || body != nil {
			t.Errorf("bit %d: %q, %v", bit, body, err)
		}
	}
	// Nor does a backup pass for a wallet when only its kind is changed.
	disguised := append([]byte(live), good[magicSize:]...)
	if err := os.WriteFile(c.Path, disguised, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(c.Path, password, light); !errors.Is(err, ErrDamaged) {
		t.Errorf("disguised as a wallet: %v", err)
	}
}

func TestBackupsRotate(t *testing.T) {
	f := openFile(t, light)
	if copies, err := Backups(f.path); err != nil || len(copies) != 0 {
		t.Errorf("%v, %v before the first", copies, err)
	}
	var made []Copy
	for i := range KeepBackups + 3 {
		c, err := f.Backup(fmt.Append(nil, i))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, c)
	}
	// What else is in the folder stays.
	folder := filepath.Dir(made[0].Path)
	others := []string{"notes.txt", "other.jmw.20260101T000000.000000000Z.backup", "w.jmw.2026.backup", "w.jmw..backup"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	last, err := f.Backup([]byte("last"))
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, last)
	copies, err := Backups(f.path)
	if err != nil || len(copies) != KeepBackups {
		t.Fatalf("%d backups, %v", len(copies), err)
	}
	for i, c := range copies {
		want := made[len(made)-1-i]
		if c.Path != want.Path || !c.Time.Equal(want.Time) {
			t.Errorf("backup %d is %v, want %v", i, c, want)
		}
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failing is a file system that fails one operation.
type failing struct {
	durable.System
	at int
}

var errFault = errors.New("fault")

func (s *failing) step() error {
	if s.at--; s.at == 0 {
		return errFault
	}
	return nil
}

func (s *failing) Create(name string, perm fs.FileMode) (durable.File, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	return s.System.Create(name, perm)
}

func (s *failing) Rename(from, to string) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.System.Rename(from, to)
}

func (s *failing) Remove(name string) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.System.Remove(name)
}

func (s *failing) SyncDir(name string) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.System.SyncDir(name)
}

// TestW2FailedBackupTakesNoOther: whatever fails, the wallet and the backups of
// before can be read, all of them but the oldest.
func TestW2FailedBackupTakesNoOther(t *testing.T) {
	for at := 1; ; at++ {
		disk := &failing{System: durable.OS}
		f := openFile(t, Config{Files: disk})
		var made []Copy
		for i := range KeepBackups {
			c, err := f.Backup(fmt.Append(nil, i))
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, c)
		}
		disk.at = at
		_, err := f.Backup([]byte("new"))
		for i, c := range made[1:] {
			if body, err := ReadBackup(c.Path, password); err != nil || string(body) != fmt.Sprint(i+1) {
				t.Errorf("operation %d failed: backup %d: %q, %v", at, i+1, body, err)
			}
		}
		if body, err := ReadBackup(f.path, password); err != nil || !bytes.Equal(body, content) {
			t.Errorf("operation %d failed: %q, %v", at, body, err)
		}
		if err == nil {
			if at <= 4 {
				t.Errorf("only %d operations", at-1)
			}
			return
		}
		if !errors.Is(err, errFault) {
			t.Fatal(err)
		}
	}
}
