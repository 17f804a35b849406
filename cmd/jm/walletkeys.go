package main

import (
	"errors"
	"strings"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// keyPath finds the key behind what the user wrote: a path, or an address of the
// wallet.
func keyPath(w *wallet.Wallet, text string) (path keys.Path, err error) {
	if root, _, isPath := strings.Cut(text, "/"); isPath || root == "m" {
		err = w.WithKeys(func(t *keys.Tree) error { path, err = t.ParsePath(text); return err })
		if err == nil && path.Mixdepth >= w.Mixdepths() {
			err = wallet.ErrMixdepth
		}
		if errors.Is(err, keys.ErrPath) {
			err = usagef("%q: %w; jm wallet display shows how they look, and a bond's ends with its locktime", text, err)
		}
	} else {
		path, err = w.Find(text)
	}
	return path, withCode(exitUsage, err)
}
