package wallet

import (
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Origin is a wallet from elsewhere.
type Origin struct {
	// Seed is the origin of its keys; it may be wiped after Restore.
	Seed keys.Seed
	// Type is that of its addresses.
	Type txbuild.ScriptType
	// Next has the next index to hand out of keys.External and keys.Internal by
	// mixdepth, 0..2^31; 1..MaxMixdepths of them.
	Next [][2]uint32
	// Frozen are the coins that are not to be spent.
	Frozen []wire.OutPoint
	// Labels are the user's words for its addresses.
	Labels labels.Set
	// Imported are the keys from elsewhere, in the order of their import.
	Imported []Import
}

// Import is a private key from elsewhere for a mixdepth.
type Import struct {
	Mixdepth int
	Key      keys.ImportedKey
}

// state returns what a wallet file holds of the origin besides its seed, or why
// it cannot be a wallet of the network.
func (o Origin) state(params *chaincfg.Params) (state, error) {
	if n := len(o.Next); n < 1 || n > MaxMixdepths || o.Seed.WatchOnly() && n > 1 {
		return state{}, fmt.Errorf("a wallet has 1 to %d mixdepths, a watch-only one has 1; not %d", MaxMixdepths, n)
	}
	tree, err := keys.NewTree(o.Seed, o.Type, params)
	if err != nil {
		return state{}, err
	}
	tree.Wipe()
	st := state{
		kind:   o.Type,
		seek:   o.Type == txbuild.P2WPKH, // nobody knows which bonds there are
		frozen: make(map[wire.OutPoint]coins.Cause, len(o.Frozen)),
		labels: o.Labels,
	}
	for _, next := range o.Next {
		if max(next[0], next[1]) > keys.MaxIndex+1 {
			return state{}, keys.ErrPath
		}
		st.next = append(st.next, next)
	}
	for _, out := range o.Frozen {
		if err := st.freeze(out, coins.ByImport); err != nil {
			return state{}, err
		}
	}
	for _, k := range o.Imported {
		if err := st.add(k); err != nil {
			return state{}, err
		}
	}
	return st, nil
}

// Check returns the error of Restore for an origin that it refuses whatever the
// path and the password are.
func (o Origin) Check(params *chaincfg.Params) error {
	_, err := o.state(params)
	return err
}

// Restore makes a new wallet file of a wallet from elsewhere, for Open. Its past
// is looked for at the first synchronisation, with the fidelity bonds of P2WPKH
// wallets. It takes all of the origin or, with an error, makes nothing.
func Restore(path string, password secret.Text, o Origin, cfg Config) error {
	st, err := o.state(cfg.Params)
	if err != nil {
		return err
	}
	body, err := st.encode(o.Seed, cfg.Params)
	if err != nil {
		return err
	}
	defer clear(body)
	file, err := store.Create(path, password, body, store.Config{KDF: cfg.KDF, Files: cfg.Files})
	if err != nil {
		return err
	}
	return file.Close()
}
