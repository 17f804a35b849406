package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

func TestSide(t *testing.T) {
	f := openFile(t, light)
	if _, err := f.ReadSide(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first: %v", err)
	}
	for _, body := range [][]byte{[]byte("one"), nil, []byte("three")} {
		if err := f.SaveSide(body); err != nil {
			t.Fatal(err)
		}
		if got, err := f.ReadSide(); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%q, %v; want %q", got, err, body)
		}
	}
	path := f.path
	if err := f.SaveSide(make([]byte, maxSize)); err == nil {
		t.Error("saved more than can be read")
	}
	f.Close()
	if _, err := f.ReadSide(); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := f.SaveSide(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	// It comes back with the wallet, and is none.
	f, body, err := Open(path, password, light)
	if err != nil || !bytes.Equal(body, content) {
		t.Fatalf("%q, %v", body, err)
	}
	if got, err := f.ReadSide(); err != nil || string(got) != "three" {
		t.Errorf("%q, %v", got, err)
	}
	f.Close()
	if _, _, err := Open(path+sideSuffix, password, light); !errors.Is(err, ErrNotWallet) {
		t.Errorf("opened as a wallet: %v", err)
	}
	if _, err := ReadBackup(path+sideSuffix, password); !errors.Is(err, ErrNotWallet) {
		t.Errorf("read as a backup: %v", err)
	}
}

func TestW1EveryBitFlipInTheSideFileIsNoticed(t *testing.T) {
	f := openFile(t, light)
	if err := f.SaveSide([]byte("state")); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(f.path + sideSuffix)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, file []byte) {
		t.Helper()
		if err := os.WriteFile(f.path+sideSuffix, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if body, err := f.ReadSide(); err == nil || body != nil {
			t.Errorf("%s: %q, %v", what, body, err)
		}
	}
	for bit := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		refused("a changed bit", bad)
	}
	for n := range good {
		refused("a cut", good[:n])
	}
	wallet, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	refused("the wallet file", wallet)
	// Nor can the one stand for the other when only its kind is changed.
	refused("the wallet file, disguised", append([]byte(side), wallet[magicSize:]...))
	other := openFile(t, Config{KDF: light.KDF})
	if err := other.SaveSide([]byte("state")); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other.path + sideSuffix)
	if err != nil {
		t.Fatal(err)
	}
	refused("that of another wallet with the same password", foreign)
	if _, _, err := Open(other.path, secret.NewText("x"), light); !errors.Is(err, ErrLocked) {
		t.Errorf("the wallet is not locked any more: %v", err)
	}
}

// TestW2SideFailsAsAWhole: whatever operation fails, the old state or the new is
// there.
func TestW2SideFailsAsAWhole(t *testing.T) {
	for at := 1; ; at++ {
		disk := &failing{System: durable.OS}
		f := openFile(t, Config{Files: disk})
		if err := f.SaveSide([]byte("old")); err != nil {
			t.Fatal(err)
		}
		disk.at = at
		err := f.SaveSide([]byte("new"))
		body, readErr := f.ReadSide()
		if readErr != nil || string(body) != "old" && string(body) != "new" || err == nil && string(body) != "new" {
			t.Errorf("operation %d failed with %v: %q, %v", at, err, body, readErr)
		}
		if err == nil {
			if at <= 3 {
				t.Errorf("only %d operations", at-1)
			}
			return
		}
	}
}
