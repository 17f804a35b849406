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

// Imported tells what became of a key that was to be imported.
type Imported struct {
	Address Address
	Err     error // keys.ErrWIF, ErrKnownKey or ErrTooManyKeys; then there is no address
}

// ImportKeys adds private keys in the form that wallets write (WIF) to a
// mixdepth, as many as it can take, and tells for each what became of it. Coins
// there are found by the next synchronisation, which looks through the whole
// chain. The words of the seed do not restore the keys: only the wallet file has
// them. With an error (ErrMixdepth, keys.ErrWatchOnly, or one of saving) none was
// taken.
func (w *Wallet) ImportKeys(mixdepth int, wifs ...secret.Text) ([]Imported, error) {
	if w.WatchOnly() {
		return nil, keys.ErrWatchOnly
	}
	if err := w.forOwner(); err != nil {
		return nil, err
	}
	if mixdepth < 0 || mixdepth >= w.Mixdepths() {
		return nil, ErrMixdepth
	}
	near, err := w.near()
	if err != nil {
		return nil, err
	}
	done := make([]Imported, len(wifs))
	parsed := make([]keys.ImportedKey, len(wifs))
	wipe := func(all bool) {
		for i, d := range done {
			if all || d.Err != nil {
				parsed[i].Key.Wipe()
			}
		}
	}
	for i, wif := range wifs {
		parsed[i], done[i].Err = keys.ParseWIF(wif, w.Type(), w.Params())
	}
	err = w.save(func(s *state) error {
		for i := range done {
			if done[i].Err == nil {
				done[i].Address.Path, done[i].Err = w.addImported(s, Import{mixdepth, parsed[i]}, near)
			}
		}
		return nil
	})
	if err != nil {
		wipe(true)
		return nil, err
	}
	wipe(false)
	w.growLater()
	for i, d := range done {
		if d.Err == nil {
			if done[i].Address, err = w.address(d.Address.Path); err != nil {
				return nil, err
			}
		}
	}
	return done, nil
}

// addImported adds a key to a state that is about to be saved, and gives it to
// the tree. It is there before it is on the disk, and stays if that fails, which
// does no harm: without its place in the state nobody asks for it, and the next
// key takes the place. own are scripts of the seed, besides those watched.
func (w *Wallet) addImported(s *state, k Import, own map[string]keys.Path) (path keys.Path, err error) {
	path = s.nextImport(k.Mixdepth)
	err = w.withTree(func(t *keys.Tree) error {
		if err := t.Import(path.Mixdepth, path.Index, k.Key); err != nil {
			return err
		}
		script, err := t.Script(path)
		if err != nil {
			return err
		}
		_, watched := w.paths[string(script)]
		if _, known := own[string(script)]; known || watched {
			return ErrKnownKey
		}
		for _, other := range s.imported {
			if bytes.Equal(other.key.Key.Reveal(), k.Key.Key.Reveal()) && other.key.Uncompressed == k.Key.Uncompressed {
				return ErrKnownKey
			}
		}
		return nil
	})
	if err == nil {
		err = s.add(k)
	}
	return path, err
}
