package keys

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// ErrWIF: a text is no private key that the wallet can use. The error says why,
// and repeats nothing of the text.
var ErrWIF = errors.New("not a private key for this wallet")

// maxWIF is the longest private key in characters.
const maxWIF = 52

// ImportedKey is a private key from elsewhere, which no seed restores.
type ImportedKey struct {
	Key secret.Bytes // 32 bytes, a number from 1 to below the group order
	// Uncompressed means that its address is of the public key in 65 bytes, as
	// that of the oldest P2PKH coins.
	Uncompressed bool
}

// ParseWIF reads a private key as wallets write it. It must be for the network
// (the reference does not look at that) and, except for P2PKH, for a compressed
// public key: ErrWIF.
func ParseWIF(text secret.Text, kind txbuild.ScriptType, params *chaincfg.Params) (ImportedKey, error) {
	refuse := func(why string) (ImportedKey, error) { return ImportedKey{}, fmt.Errorf("%w: %s", ErrWIF, why) }
	if len(text.RevealBytes()) > maxWIF {
		return refuse("too long")
	}
	wif, err := btcutil.DecodeWIF(text.Reveal())
	if err != nil {
		return refuse("wrong checksum, a typing mistake or something else")
	}
	defer wif.PrivKey.Zero()
	if !wif.IsForNet(params) {
		return refuse("it belongs to another network than " + params.Name)
	}
	k := ImportedKey{secret.NewBytes(wif.PrivKey.Serialize()), !wif.CompressPubKey}
	if err := k.Check(kind); err != nil {
		k.Key.Wipe()
		return ImportedKey{}, err
	}
	return k, nil
}

// Check returns ErrWIF unless the key can be used in wallets of the type.
func (k ImportedKey) Check(kind txbuild.ScriptType) error {
	var n btcec.ModNScalar
	defer n.Zero()
	if raw := k.Key.Reveal(); len(raw) != btcec.PrivKeyBytesLen || n.SetByteSlice(raw) || n.IsZero() {
		return fmt.Errorf("%w: it is out of range", ErrWIF)
	}
	if k.Uncompressed && kind != txbuild.P2PKH {
		return fmt.Errorf("%w: its public key is not compressed, which %s addresses need", ErrWIF, kind)
	}
	return nil
}

// private returns the key; the caller should call Zero on it after use.
func (k ImportedKey) private() *btcec.PrivateKey {
	key, _ := btcec.PrivKeyFromBytes(k.Key.Reveal())
	return key
}

// public returns the public key in the form that its address is of.
func (k ImportedKey) public() []byte {
	key := k.private()
	defer key.Zero()
	if k.Uncompressed {
		return key.PubKey().SerializeUncompressed()
	}
	return key.PubKey().SerializeCompressed()
}

// Import adds a key to a mixdepth at an index: 0 for the first one, then in
// order. The tree makes its own use of the key, and Wipe wipes it. The errors
// are ErrPath and ErrWIF.
func (t *Tree) Import(mixdepth int, index uint32, k ImportedKey) error {
	path := Path{Mixdepth: mixdepth, Branch: Imported, Index: index}
	if err := path.check(t.kind); err != nil {
		return err
	}
	if err := k.Check(t.kind); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.imported[path] = k
	return nil
}

// importedKey returns the key of a path, or ErrPath.
func (t *Tree) importedKey(p Path) (ImportedKey, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.imported[p]
	if !ok {
		return ImportedKey{}, ErrPath
	}
	return k, nil
}
