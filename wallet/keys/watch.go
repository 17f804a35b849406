package keys

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// Errors of watch-only wallets.
var (
	// ErrWatchOnly: what was asked for needs private keys.
	ErrWatchOnly = errors.New("the wallet only watches: it has no private keys; use the wallet that has them")
	// ErrMaster: a text is not the public key of a mixdepth 0.
	ErrMaster = errors.New("not a master public key: want the text that begins with " + masterPrefix +
		", as the wallet with the private keys shows it for mixdepth 0")
)

const (
	// masterPrefix is put before the extended public key of mixdepth 0 for a
	// watch-only wallet, to tell it from those that show everything.
	masterPrefix = "fbonds-mpk-"
	maxMaster    = 200 // characters
	masterDepth  = 3   // levels above: purpose, coin and mixdepth
)

// ParseMaster reads what Tree.Master writes: the origin of a P2WPKH wallet that
// watches mixdepth 0 with its fidelity bonds, and cannot spend.
func ParseMaster(text string, birth time.Time) (Seed, error) {
	xpub, ok := strings.CutPrefix(text, masterPrefix)
	if !ok || len(text) > maxMaster {
		return Seed{}, ErrMaster
	}
	key, err := hdkeychain.NewKeyFromString(xpub)
	if err != nil {
		return Seed{}, fmt.Errorf("%w (a typing mistake?)", ErrMaster)
	}
	if key.IsPrivate() || key.Depth() != masterDepth || key.ChildIndex() != hardened || key.String() != xpub {
		return Seed{}, ErrMaster
	}
	return Seed{master: secret.NewText(xpub), birth: birth}, nil
}

// WatchOnly tells that there are no private keys.
func (s Seed) WatchOnly() bool { return !s.master.Empty() }

// Master returns what ParseMaster read. It is no secret that spends, but it
// tells all addresses. Empty unless WatchOnly.
func (s Seed) Master() secret.Text {
	if !s.WatchOnly() {
		return secret.Text{}
	}
	return secret.NewText(masterPrefix + s.master.Reveal())
}

// account returns the key of mixdepth 0.
func (s Seed) account(params *chaincfg.Params) (*hdkeychain.ExtendedKey, error) {
	key, err := hdkeychain.NewKeyFromString(s.master.Reveal())
	if err != nil {
		return nil, ErrMaster
	}
	if !key.IsForNet(params) {
		return nil, fmt.Errorf("%w; it belongs to another network than %s", ErrMaster, params.Name)
	}
	return key, nil
}

// Master returns the text from which another program makes a watch-only wallet
// of mixdepth 0 and its fidelity bonds: fbonds-mpk-xpub...
func (t *Tree) Master() (string, error) {
	xpub, err := t.AccountXPub(0)
	if err != nil {
		return "", err
	}
	return masterPrefix + xpub, nil
}
