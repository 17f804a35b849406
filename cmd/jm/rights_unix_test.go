//go:build !windows

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// othersSee returns what others than the owner have any right on below a folder.
func othersSee(t *testing.T, dir string) (open []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && path != dir {
			open = append(open, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return open
}

// TestW4WhatIsMadeIsForTheOwner: after each command that writes, nobody else has a
// right on anything in the data folder.
func TestW4WhatIsMadeIsForTheOwner(t *testing.T) {
	for _, row := range writings {
		t.Run(row.name, func(t *testing.T) {
			row.run(t, func(t *testing.T) {
				s := newScene(t, row)
				if code := s.jm(nil, row.args(s)...); code != exitOK {
					t.Fatalf("exit status %d\n%s", code, s.talk.String())
				}
				if open := othersSee(t, s.dir); len(open) > 0 {
					t.Errorf("others have rights on %v", open)
				}
				if strings.Contains(s.talk.String(), "Others could read") {
					t.Errorf("it had to be closed first:\n%s", s.talk.String())
				}
			})
		})
	}
}

// TestW4RightsOfOthersEnd: what was open is closed at the next start, and said.
func TestW4RightsOfOthersEnd(t *testing.T) {
	s := newScene(t, writing{prepare: (*scene).backup})
	open := []string{"joinmarket.cfg", "wallets", "wallets/backups", "wallets/default.jmwallet", "wallets/default.jmwallet.chain", "cmtdata", "logs"}
	for _, name := range open {
		path := filepath.Join(s.dir, name)
		info, err := os.Stat(path)
		if err == nil {
			err = os.Chmod(path, info.Mode().Perm()|0o055)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.must("wallet", "list")
	for _, name := range open {
		if !strings.Contains(s.talk.String(), "Others could read "+filepath.Join(s.dir, name)+".") {
			t.Errorf("nothing is said of %s:\n%s", name, s.talk.String())
		}
	}
	if left := othersSee(t, s.dir); len(left) > 0 {
		t.Errorf("others have rights on %v still", left)
	}
	s.must("wallet", "list")
	if strings.Contains(s.talk.String(), "Others could read") {
		t.Errorf("it is said twice:\n%s", s.talk.String())
	}
}
