package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// newerHeader turns a sealed file into one of the next format.
func newerHeader(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	version := binary.BigEndian.Uint16(file[8:]) + 1
	binary.BigEndian.PutUint16(file[8:], version)
	binary.BigEndian.PutUint16(file[10:], ^version)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newerContent seals what a newer program would write.
func newerContent(s *scene) string {
	f, _, err := store.Open(s.path("default"), wallettest.Password, store.Config{Files: sound()})
	if err != nil {
		s.t.Fatal(err)
	}
	err = errors.Join(f.Save([]byte(`{"version":99,"new":[1]}`)), f.Close())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.path("default")
}

// TestD13NewerFiles: a file that a newer version wrote is refused, with words
// that say so, and stays as it is; what can be had again is made anew; what only
// has more in it than we know keeps it. The folder of a light client has a test
// of its own beside it.
func TestD13NewerFiles(t *testing.T) {
	newer := `"newer" : 2`
	for _, row := range []struct {
		name    string
		make    func(*scene) (path string)
		args    []string
		code    int
		says    string
		changes bool // it is made anew
	}{
		{"wallet file", func(s *scene) string { newerHeader(t, s.path("default")); return s.path("default") },
			[]string{"wallet", "address"}, exitWallet, "newer version", false},
		{"content of the wallet file", newerContent, []string{"wallet", "address"}, exitWallet, "newer version", false},
		{"side file", func(s *scene) string {
			path := s.path("default") + ".chain"
			s.must("wallet", "show")
			newerHeader(t, path)
			return path
		}, []string{"wallet", "show"}, exitOK, "", true},
		{"backup", func(s *scene) string {
			s.backup()
			newerHeader(t, filepath.Join(s.dir, "copy"))
			return filepath.Join(s.dir, "copy")
		},
			[]string{"wallet", "restore-backup", "@copy", "new"}, exitWallet, "newer version", false},
		{"commitments of a taker", func(s *scene) string {
			s.write("cmtdata/regtest_commitments.json", []byte(`{"used": [], "external": {}, `+newer+`}`))
			return filepath.Join(s.dir, "cmtdata", "regtest_commitments.json")
		}, []string{"wallet", "showutxos", "--tries"}, exitFailure, "newer", false},
		{"commitments of a maker", func(s *scene) string {
			path := acceptedFile(s.path("default"))
			if err := os.WriteFile(path, []byte("version 2\n"+strings.Repeat("ab", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, []string{"yieldgenerator"}, exitFailure, "put it right", false},
		{"joinmarket.cfg", func(s *scene) string {
			path := filepath.Join(s.dir, "joinmarket.cfg")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s.write("joinmarket.cfg", append(text, []byte("[POLICY]\nof_tomorrow = 7\n")...))
			return path
		}, []string{"wallet", "address"}, exitOK, "of_tomorrow is unknown", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t, writing{})
			path := row.make(s)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			code := s.jm(sound(), words(row.args...)(s)...)
			if code != row.code || !strings.Contains(s.talk.String(), row.says) {
				t.Errorf("exit status %d, want %d and %q:\n%s", code, row.code, row.says, s.talk.String())
			}
			after, err := os.ReadFile(path)
			if err != nil || bytes.Equal(before, after) == row.changes {
				t.Errorf("changed: %v, want %v; %v", !bytes.Equal(before, after), row.changes, err)
			}
			if _, err := os.Stat(s.path("new")); err == nil {
				t.Error("a wallet was made of it")
			}
		})
	}
}

// TestD13NewerCommitmentList: a daemon keeps lines that it does not know, and
// adds its own behind them.
func TestD13NewerCommitmentList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	known := "v2 something else\n" + strings.Repeat("ab", 32) + "\nP9 " + strings.Repeat("cd", 40) + "\n"
	if err := os.WriteFile(path, []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := commitment.Open(commitment.Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := l.Reserve(commitment.Value{1}, "J5taker", "J5maker")
	if err != nil {
		t.Fatal(err)
	}
	if err := <-r.Use(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != known+commitment.Hex(commitment.Value{1})+"\n" {
		t.Errorf("%q, %v", got, err)
	}
}
