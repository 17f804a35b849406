package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
		{"reference, plain", []byte("JMWALLETde"), ErrReference, "jm wallet migrate"},
		{"text", []byte("hello, I am a text file"), ErrNotWallet, "check the path"},
		{"empty", nil, ErrDamaged, "backup"},
		{"newer", future, ErrFutureVersion, "newer version"},
		{"newer and shorter", future[:20], ErrFutureVersion, "newer version"},
		{"version 0", append([]byte(live), 0, 0, 0xff, 0xff), ErrDamaged, "backup"},
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
		file := append(header{kind: live, kdf: kdf}.encode(), make([]byte, tagSize)...)
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

// TestW3NewFilesCostAsRecommended: a guess takes no less than RFC 9106 asks of
// machines with little memory, unless tests say otherwise.
func TestW3NewFilesCostAsRecommended(t *testing.T) {
	if k := DefaultKDF; k.Memory < 64*1024 || k.Passes < 3 || k.Lanes > 4 {
		t.Errorf("%+v", k)
	}
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
