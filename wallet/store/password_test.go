package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

var newPassword = secret.NewText("battery staple")

func TestChangePassword(t *testing.T) {
	f := openFile(t, light)
	before, err := f.Backup(content)
	if err == nil {
		err = f.SaveSide([]byte("chain"))
	}
	if err != nil {
		t.Fatal(err)
	}
	salt := f.sealer.header.salt
	if err := f.ChangePassword(newPassword, light.KDF, []byte("changed")); err != nil {
		t.Fatal(err)
	}
	if f.sealer.header.salt == salt {
		t.Error("the salt is the old one")
	}
	// The open file goes on, and so does the one that is opened again.
	if err := f.Save([]byte("saved")); err != nil {
		t.Fatal(err)
	}
	after, err := f.Backup([]byte("copy"))
	if err != nil {
		t.Fatal(err)
	}
	path := f.path
	f.Close()
	if _, _, err := Open(path, password, light); !errors.Is(err, ErrPassword) {
		t.Errorf("the old password: %v", err)
	}
	f, body, err := Open(path, newPassword, light)
	if err != nil || string(body) != "saved" {
		t.Fatalf("the new password: %q, %v", body, err)
	}
	defer f.Close()
	if side, err := f.ReadSide(); err != nil || string(side) != "chain" {
		t.Errorf("side file: %q, %v", side, err)
	}
	if body, err := ReadBackup(before.Path, password); err != nil || !bytes.Equal(body, content) {
		t.Errorf("older backup: %q, %v", body, err)
	}
	if body, err := ReadBackup(after.Path, newPassword); err != nil || string(body) != "copy" {
		t.Errorf("newer backup: %q, %v", body, err)
	}
}

// A new password is as hard to guess as that of a new file.
func TestW3ChangedPasswordIsAsStrong(t *testing.T) {
	f := openFile(t, light)
	if err := f.ChangePassword(secret.Text{}, light.KDF, content); !errors.Is(err, ErrEmptyPassword) {
		t.Errorf("empty: %v", err)
	}
	if err := f.ChangePassword(newPassword, KDF{Memory: 8, Passes: MaxPasses + 1, Lanes: 1}, content); !errors.Is(err, errKDF) {
		t.Errorf("out of bounds: %v", err)
	}
	if now, _, err := Open(f.path, password, light); !errors.Is(err, ErrLocked) {
		t.Errorf("%v, %v", now, err)
	}
	if err := f.ChangePassword(newPassword, KDF{}, content); err != nil || f.sealer.header.kdf != DefaultKDF {
		t.Errorf("%+v, %v; want the default", f.sealer.header.kdf, err)
	}
	f.Close()
	if err := f.ChangePassword(newPassword, light.KDF, content); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestW2ChangePasswordFailsAsAWhole: whatever operation fails, one of the two
// passwords opens the file with its body, the open File goes on, and a side file
// is never taken for another.
func TestW2ChangePasswordFailsAsAWhole(t *testing.T) {
	for at := 1; ; at++ {
		disk := &failing{System: durable.OS}
		f := openFile(t, Config{KDF: light.KDF, Files: disk})
		if err := f.SaveSide([]byte("chain")); err != nil {
			t.Fatal(err)
		}
		disk.at = at
		err := f.ChangePassword(newPassword, light.KDF, content)
		ended := disk.at > 0
		disk.at = 0
		valid := password
		if err == nil || errors.Is(err, durable.ErrUnsure) {
			valid = newPassword
		}
		if body, err := ReadBackup(f.path, valid); err != nil || !bytes.Equal(body, content) {
			t.Errorf("operation %d failed: %q, %v", at, body, err)
		}
		if side, err := f.ReadSide(); err == nil && string(side) != "chain" || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("operation %d failed: side file %q, %v", at, side, err)
		}
		if err := f.Save([]byte("next")); err != nil {
			t.Errorf("operation %d failed: saving: %v", at, err)
		}
		if body, err := ReadBackup(f.path, valid); err != nil || string(body) != "next" {
			t.Errorf("operation %d failed: saved %q, %v", at, body, err)
		}
		if ended {
			if at <= 6 {
				t.Errorf("only %d operations", at-1)
			}
			return
		}
	}
}
