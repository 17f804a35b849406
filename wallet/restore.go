package wallet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// ErrCannotHold: a wallet from elsewhere has something that a file of ours has
// no place for. The error says what.
var ErrCannotHold = errors.New("this version cannot keep all of this wallet, so it made nothing; go on with the old program for now")

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
	// Imported and Bonds count the keys from elsewhere and the coins locked as
	// fidelity bonds.
	Imported, Bonds int
}

// missing names what of the origin a wallet file cannot hold.
func (o Origin) missing() (what []string) {
	if o.Seed.WatchOnly() {
		what = append(what, "a wallet that only watches")
	} else if o.Type != txbuild.P2WPKH {
		what = append(what, fmt.Sprintf("addresses of type %s", o.Type))
	}
	for _, part := range []struct {
		count int
		name  string
	}{{o.Imported, "imported keys"}, {o.Bonds, "fidelity bonds"}} {
		if part.count > 0 {
			what = append(what, fmt.Sprintf("%s (%d)", part.name, part.count))
		}
	}
	return what
}

// Check returns ErrCannotHold, or another error for an origin that Restore
// refuses whatever the path and the password are.
func (o Origin) Check() error {
	if what := o.missing(); len(what) > 0 {
		return fmt.Errorf("%w; it cannot keep %s", ErrCannotHold, strings.Join(what, ", "))
	}
	if n := len(o.Next); n < 1 || n > MaxMixdepths {
		return fmt.Errorf("a wallet has 1 to %d mixdepths, not %d", MaxMixdepths, n)
	}
	return nil
}

// Restore makes a new wallet file of a wallet from elsewhere, for Open. Its past
// is looked for at the first synchronisation. It takes all of the origin or, with
// an error, makes nothing.
func Restore(path string, password secret.Text, o Origin, cfg Config) error {
	if err := o.Check(); err != nil {
		return err
	}
	st := state{
		kind:   o.Type,
		bonds:  o.Type == txbuild.P2WPKH,
		frozen: make(map[wire.OutPoint]coins.Cause, len(o.Frozen)),
		labels: o.Labels,
	}
	for _, next := range o.Next {
		if max(next[0], next[1]) > keys.MaxIndex+1 {
			return keys.ErrPath
		}
		st.next = append(st.next, next)
	}
	for _, out := range o.Frozen {
		if err := st.freeze(out, coins.ByImport); err != nil {
			return err
		}
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
