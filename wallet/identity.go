package wallet

import (
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Identity is that by which a user knows a wallet again.
type Identity struct {
	ID          string // as Wallet.ID
	Fingerprint string // of the root key, 8 hex digits; empty if watch-only
	First       string // the first address of mixdepth 0
}

// Identify tells which wallet a seed gives, before there is a file of it. Once
// First is shown it counts as handed out: a wallet that is made afterwards must
// begin behind it (Origin.Next).
func Identify(seed keys.Seed, kind txbuild.ScriptType, params *chaincfg.Params) (i Identity, err error) {
	tree, err := keys.NewTree(seed, kind, params)
	if err != nil {
		return i, err
	}
	defer tree.Wipe()
	i.Fingerprint = tree.Fingerprint()
	if i.ID, err = idOf(tree, kind); err != nil {
		return i, err
	}
	i.First, err = tree.Address(keys.Path{})
	return i, err
}

// ID is the wallet id of the reference implementation, 6 hex digits; of a P2WPKH
// wallet that of its default type, with fidelity bonds.
func (w *Wallet) ID() (id string, err error) {
	err = w.withTree(func(t *keys.Tree) error {
		id, err = idOf(t, w.state.kind)
		return err
	})
	return id, err
}

func idOf(t *keys.Tree, kind txbuild.ScriptType) (string, error) {
	if kind == txbuild.P2WPKH {
		return t.BondsID()
	}
	return t.ID()
}

// Fingerprint is that of the root key, 8 hex digits; empty if the wallet only
// watches, and once it is closed.
func (w *Wallet) Fingerprint() (fingerprint string) {
	_ = w.withTree(func(t *keys.Tree) error { fingerprint = t.Fingerprint(); return nil })
	return fingerprint
}
