package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// What the rows of the table of faults need whose commands are about keys and
// files of wallets.

// master is the key of mixdepth 0 of the wallet.
func (s *scene) master() (text string) {
	s.t.Helper()
	s.with("default", func(w *wallet.Wallet) bool {
		err := w.WithKeys(func(t *keys.Tree) (err error) { text, err = t.Master(); return err })
		if err != nil {
			s.t.Fatal(err)
		}
		return true
	})
	return text
}

func (s *scene) watchOnly() []string {
	return []string{"wallet", "create-watchonly", "watching", s.master(), "--yes"}
}

const changedPassword = "another long password"

func (s *scene) newPassword() {
	s.write("newpassword", []byte(changedPassword+"\n"))
	s.passwords = append(s.passwords, secret.NewText(changedPassword))
}

func (s *scene) changePassword() []string {
	file := filepath.Join(s.dir, "newpassword")
	args := []string{"wallet", "change-password", "--new-password-file", file}
	if s.passwordChanged() {
		args = append(args, "--password-file", file)
	}
	return args
}

func (s *scene) passwordChanged() bool {
	w, err := wallet.Open(s.path("default"), secret.NewText(changedPassword), s.chain.Config())
	if err != nil {
		return false
	}
	w.Close()
	return true
}

// The keys of the numbers 1 and 2, and their addresses.
const (
	twoKeys    = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA, cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87K7XCyj5v\n"
	keyAddress = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
)

func (s *scene) keyFile() { s.write("keys", []byte(twoKeys)) }

func (s *scene) keysImported() bool {
	s.t.Helper()
	return s.with("default", func(w *wallet.Wallet) bool {
		if err := w.Sync(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		_, err := w.Find(keyAddress)
		return err == nil
	})
}

func (s *scene) deleted() bool {
	_, err := os.Lstat(s.path("default"))
	return errors.Is(err, fs.ErrNotExist)
}
