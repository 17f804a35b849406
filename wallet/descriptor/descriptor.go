// Package descriptor writes output descriptors, the text by which wallets tell
// each other what scripts to watch (BIP380), and their checksums.
package descriptor

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// MaxSize is the longest descriptor in bytes, checksum excluded.
const MaxSize = 4096

// Errors of this package.
var (
	ErrCharacter = errors.New("character that no descriptor has")
	ErrTooLong   = errors.New("descriptor too long")
)

// wrappers stand around a key expression (BIP381, BIP382).
var wrappers = map[txbuild.ScriptType][2]string{
	txbuild.P2PKH:  {"pkh(", ")"},
	txbuild.P2SH:   {"sh(wpkh(", "))"},
	txbuild.P2WPKH: {"wpkh(", ")"},
}

// Keys returns the descriptor, without checksum, of the scripts of a type that
// a key expression stands for, such as xpub.../0/* for a branch. The types are
// P2PKH, P2SH (meaning nested P2WPKH) and P2WPKH; others are
// txbuild.ErrScript.
func Keys(t txbuild.ScriptType, key string) (string, error) {
	w, ok := wrappers[t]
	if !ok {
		return "", fmt.Errorf("%w: no descriptor for %q", txbuild.ErrScript, string(t))
	}
	return w[0] + key + w[1], nil
}
