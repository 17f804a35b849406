package keys

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// Branches of a mixdepth.
const (
	External uint32 = 0 // addresses shown to the user for deposits
	Internal uint32 = 1 // change and CoinJoin outputs
)

// DefaultMixdepths is the number of mixdepths of a new wallet.
const DefaultMixdepths = 5

// MaxIndex is the last index of a branch.
const MaxIndex = hdkeychain.HardenedKeyStart - 1

// ErrPath: a level of a path is out of range.
var ErrPath = errors.New("derivation path out of range")

// Path names a key of the wallet. Every level is below 2^31.
type Path struct {
	Mixdepth int
	Branch   uint32 // External or Internal
	Index    uint32
}

// Tree derives the keys below one seed on one network. The keys of branches
// are kept, so that an address costs one derivation. Safe for use from several
// goroutines.
type Tree struct {
	params      *chaincfg.Params
	fingerprint string // of the root key, 8 hex digits

	mu       sync.Mutex // protects the fields below
	coin     *hdkeychain.ExtendedKey
	branches map[branchID]*branch
}

type branchID struct {
	mixdepth int
	branch   uint32
}

// branch holds the keys at m/84'/coin'/mixdepth'/branch.
type branch struct {
	private *hdkeychain.ExtendedKey
	public  *hdkeychain.ExtendedKey
	account string // extended public key of the mixdepth
}

// NewTree derives the upper levels. The seed may be wiped afterwards.
func NewTree(seed Seed, params *chaincfg.Params) (*Tree, error) {
	raw, err := seed.bip39Seed()
	if err != nil {
		return nil, err
	}
	defer raw.Wipe()
	root, err := hdkeychain.NewMaster(raw.Reveal(), params)
	if err != nil {
		return nil, fmt.Errorf("deriving the root key: %w", err)
	}
	defer root.Zero()
	pub, err := root.ECPubKey()
	if err != nil {
		return nil, fmt.Errorf("deriving the root key: %w", err)
	}
	coin, err := derive(root, hdkeychain.HardenedKeyStart+purpose, hdkeychain.HardenedKeyStart+coinType(params))
	if err != nil {
		return nil, err
	}
	return &Tree{
		params:      params,
		fingerprint: hex.EncodeToString(address.Hash160(pub.SerializeCompressed())[:4]),
		coin:        coin,
		branches:    make(map[branchID]*branch),
	}, nil
}

// coinType is the second level of the path (BIP44, SLIP44).
func coinType(params *chaincfg.Params) uint32 {
	if params.Net == chaincfg.MainNetParams.Net {
		return 0
	}
	return 1
}

// derive walks down the levels and wipes the keys it passes.
func derive(key *hdkeychain.ExtendedKey, levels ...uint32) (*hdkeychain.ExtendedKey, error) {
	for i, level := range levels {
		child, err := key.Derive(level)
		if i > 0 {
			key.Zero()
		}
		if err != nil {
			return nil, fmt.Errorf("deriving a key: %w", err)
		}
		key = child
	}
	return key, nil
}

// branch returns the keys of a branch, deriving them at the first call.
func (t *Tree) branch(mixdepth int, number uint32) (*branch, error) {
	if mixdepth < 0 || int64(mixdepth) >= hdkeychain.HardenedKeyStart || number >= hdkeychain.HardenedKeyStart {
		return nil, ErrPath
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := branchID{mixdepth, number}
	if b := t.branches[id]; b != nil {
		return b, nil
	}
	account, err := derive(t.coin, hdkeychain.HardenedKeyStart+uint32(mixdepth))
	if err != nil {
		return nil, err
	}
	defer account.Zero()
	xpub, err := account.Neuter()
	if err != nil {
		return nil, fmt.Errorf("deriving a public key: %w", err)
	}
	b := &branch{account: xpub.String()}
	if b.private, err = derive(account, number); err != nil {
		return nil, err
	}
	// Neuter also fills in the public half of the private key, which later
	// derivations then only read.
	if b.public, err = b.private.Neuter(); err != nil {
		return nil, fmt.Errorf("deriving a public key: %w", err)
	}
	t.branches[id] = b
	return b, nil
}

// PublicKey returns the compressed public key, 33 bytes.
func (t *Tree) PublicKey(p Path) ([]byte, error) {
	b, err := t.branch(p.Mixdepth, p.Branch)
	if err != nil {
		return nil, err
	}
	key, err := child(b.public, p.Index)
	if err != nil {
		return nil, err
	}
	pub, err := key.ECPubKey()
	if err != nil {
		return nil, fmt.Errorf("deriving a public key: %w", err)
	}
	return pub.SerializeCompressed(), nil
}

// PrivateKey returns the key that signs for the path. The caller should call
// Zero on it after use.
func (t *Tree) PrivateKey(p Path) (*btcec.PrivateKey, error) {
	b, err := t.branch(p.Mixdepth, p.Branch)
	if err != nil {
		return nil, err
	}
	key, err := child(b.private, p.Index)
	if err != nil {
		return nil, err
	}
	defer key.Zero()
	return key.ECPrivKey()
}

func child(key *hdkeychain.ExtendedKey, index uint32) (*hdkeychain.ExtendedKey, error) {
	if index > MaxIndex {
		return nil, ErrPath
	}
	return derive(key, index)
}

// Script returns the output script of the path.
func (t *Tree) Script(p Path) ([]byte, error) {
	pub, err := t.PublicKey(p)
	if err != nil {
		return nil, err
	}
	return script(pub), nil
}

// Address returns the text that a payer uses for the path.
func (t *Tree) Address(p Path) (string, error) {
	pub, err := t.PublicKey(p)
	if err != nil {
		return "", err
	}
	return addressOf(pub, t.params)
}

// WIF returns the private key of the path as text for other wallets.
func (t *Tree) WIF(p Path) (secret.Text, error) {
	key, err := t.PrivateKey(p)
	if err != nil {
		return secret.Text{}, err
	}
	defer key.Zero()
	wif, err := btcutil.NewWIF(key, t.params, true)
	if err != nil {
		return secret.Text{}, fmt.Errorf("writing a private key: %w", err)
	}
	return secret.NewText(wif.String()), nil
}

// AccountXPub returns the extended public key of a mixdepth, with the version
// bytes of xpub or tpub.
func (t *Tree) AccountXPub(mixdepth int) (string, error) {
	b, err := t.branch(mixdepth, External)
	if err != nil {
		return "", err
	}
	return b.account, nil
}

// BranchXPub returns the extended public key of a branch.
func (t *Tree) BranchXPub(mixdepth int, number uint32) (string, error) {
	b, err := t.branch(mixdepth, number)
	if err != nil {
		return "", err
	}
	return b.public.String(), nil
}

// Descriptor returns the ranged public output descriptor of a branch, without
// checksum: wpkh([d34db33f/84h/0h/0h]xpub.../0/*) (BIP380, BIP382).
func (t *Tree) Descriptor(mixdepth int, number uint32) (string, error) {
	b, err := t.branch(mixdepth, number)
	if err != nil {
		return "", err
	}
	return descriptor(fmt.Sprintf("[%s/%dh/%dh/%dh]%s/%d/*",
		t.fingerprint, purpose, coinType(t.params), mixdepth, b.account, number)), nil
}

// PathText writes a path the way users know it: m/84'/0'/2'/1/17.
func (t *Tree) PathText(p Path) string {
	return fmt.Sprintf("m/%d'/%d'/%d'/%d/%d", purpose, coinType(t.params), p.Mixdepth, p.Branch, p.Index)
}

// ID returns the wallet id of the reference implementation, 6 hex digits: the
// start of the double SHA256 over the text of the extended private key of the
// first branch. It names the wallet without telling its keys.
func (t *Tree) ID() (string, error) {
	b, err := t.branch(0, External)
	if err != nil {
		return "", err
	}
	text := secret.NewText(b.private.String())
	defer text.Wipe()
	return hex.EncodeToString(chainhash.DoubleHashB(text.RevealBytes())[:3]), nil
}

// Wipe overwrites the private keys; the tree is of no use afterwards. It must
// not run at the same time as other methods.
func (t *Tree) Wipe() {
	t.coin.Zero()
	for _, b := range t.branches {
		b.private.Zero()
	}
	clear(t.branches)
}
