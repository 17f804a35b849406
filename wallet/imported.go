package wallet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// maxImported bounds the imported keys.
const maxImported = 10_000

// Errors of importing keys, besides keys.ErrWIF.
var (
	// ErrKnownKey: the wallet has the key already, from its seed or imported.
	ErrKnownKey = errors.New("the wallet has this key already")
	// ErrTooManyKeys: no more keys can be imported.
	ErrTooManyKeys = fmt.Errorf("a wallet holds at most %d imported keys; send their coins to the wallet instead", maxImported)
)

// importedKey is a private key from elsewhere with its place in the wallet.
type importedKey struct {
	path keys.Path
	key  keys.ImportedKey
}

func (k importedKey) equal(o importedKey) bool {
	return k.path == o.path && k.key.Uncompressed == o.key.Uncompressed && bytes.Equal(k.key.Key.Reveal(), o.key.Key.Reveal())
}

// importedBody is an imported key in the wallet file. Its place is that in the
// list, counted for each mixdepth.
type importedBody struct {
	Mixdepth     int    `json:"mixdepth"`
	Key          string `json:"key"` // hex
	Uncompressed bool   `json:"uncompressed,omitempty"`
}

func encodeImported(all []importedKey) (list []importedBody) {
	for _, k := range all {
		list = append(list, importedBody{k.path.Mixdepth, hex.EncodeToString(k.key.Key.Reveal()), k.key.Uncompressed})
	}
	return list
}

// decodeImported adds the imported keys of the file to a state.
func (s *state) decodeImported(list []importedBody) error {
	for _, b := range list {
		raw, err := hex.DecodeString(b.Key)
		if err != nil {
			return errors.New("an imported key is not hex")
		}
		if err := s.add(Import{b.Mixdepth, keys.ImportedKey{Key: secret.NewBytes(raw), Uncompressed: b.Uncompressed}}); err != nil {
			return err
		}
	}
	return nil
}

// add puts an imported key at the end of its mixdepth. Whether it is known is
// not looked at.
func (s *state) add(k Import) error {
	if k.Mixdepth < 0 || k.Mixdepth >= len(s.next) {
		return ErrMixdepth
	}
	if len(s.imported) >= maxImported {
		return ErrTooManyKeys
	}
	if err := k.Key.Check(s.kind); err != nil {
		return err
	}
	s.imported = append(s.imported, importedKey{s.nextImport(k.Mixdepth), k.Key})
	return nil
}

// nextImport returns the path of the next key that is imported into a mixdepth.
func (s *state) nextImport(mixdepth int) keys.Path {
	p := keys.Path{Mixdepth: mixdepth, Branch: keys.Imported}
	for _, k := range s.imported {
		if k.path.Mixdepth == mixdepth {
			p.Index++
		}
	}
	return p
}

// ImportKey adds a private key in the form that wallets write (WIF), and returns
// its address. Coins there are found by the next synchronisation, which looks
// through the whole chain, and belong to the mixdepth. The words of the seed do
// not restore the key: only the wallet file has it. The errors are keys.ErrWIF,
// ErrKnownKey, ErrTooManyKeys, ErrMixdepth and keys.ErrWatchOnly.
func (w *Wallet) ImportKey(wif secret.Text, mixdepth int) (Address, error) {
	if w.WatchOnly() {
		return Address{}, keys.ErrWatchOnly
	}
	k, err := keys.ParseWIF(wif, w.Type(), w.Params())
	if err != nil {
		return Address{}, err
	}
	var path keys.Path
	err = w.save(func(s *state) error {
		if err := s.add(Import{mixdepth, k}); err != nil {
			return err
		}
		path = s.imported[len(s.imported)-1].path
		return w.withTree(func(t *keys.Tree) error { return w.importLocked(t, path, k) })
	})
	if err != nil {
		k.Key.Wipe()
		return Address{}, err
	}
	w.growLater()
	return w.address(path)
}

// importLocked gives the tree the key of a path. It is there before it is on
// the disk, which does no harm: without its place in the state nobody asks for
// it, and the next key takes the place.
func (w *Wallet) importLocked(t *keys.Tree, path keys.Path, k keys.ImportedKey) error {
	if err := t.Import(path.Mixdepth, path.Index, k); err != nil {
		return err
	}
	script, err := t.Script(path)
	if err != nil {
		return err
	}
	if _, known := w.paths[string(script)]; known {
		return ErrKnownKey
	}
	for _, other := range w.state.imported {
		if bytes.Equal(other.key.Key.Reveal(), k.Key.Reveal()) && other.key.Uncompressed == k.Uncompressed {
			return ErrKnownKey
		}
	}
	return nil
}
