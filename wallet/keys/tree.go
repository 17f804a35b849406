package keys

import (
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// DefaultMixdepths is the number of mixdepths of a new wallet.
const DefaultMixdepths = 5

// Tree derives the keys below one seed on one network. The keys of branches
// are kept, so that an address costs one derivation. Safe for use from several
// goroutines.
type Tree struct {
	kind        txbuild.ScriptType
	params      *chaincfg.Params
	fingerprint string // of the root key, 8 hex digits

	mu       sync.Mutex              // protects the fields below
	base     *hdkeychain.ExtendedKey // above the mixdepths; nil if watch-only
	watched  *hdkeychain.ExtendedKey // of mixdepth 0, if watch-only
	branches map[branchID]*branch
	imported map[Path]ImportedKey
}

type branchID struct {
	mixdepth int
	branch   uint32
}

// branch holds the keys at m/84'/coin'/mixdepth'/branch.
type branch struct {
	private *hdkeychain.ExtendedKey // nil if watch-only
	public  *hdkeychain.ExtendedKey
	parent  *parent // the same as public
	account string  // extended public key of the mixdepth
	first   []byte  // public key at index 0 of Timelocked, which half of all bonds have
}

// NewTree derives the upper levels of a wallet with addresses of a type: P2PKH,
// P2SH (nested P2WPKH) or P2WPKH, which alone has fidelity bonds and watch-only
// wallets. The seed may be wiped afterwards. The error is ErrType, or ErrMaster
// for the seed of another network.
func NewTree(seed Seed, kind txbuild.ScriptType, params *chaincfg.Params) (*Tree, error) {
	if err := CheckType(kind); err != nil {
		return nil, err
	}
	t := &Tree{kind: kind, params: params, branches: make(map[branchID]*branch), imported: make(map[Path]ImportedKey)}
	if seed.WatchOnly() {
		if kind != txbuild.P2WPKH {
			return nil, fmt.Errorf("%w: a watch-only wallet of type %s", ErrType, kind)
		}
		var err error
		t.watched, err = seed.account(params)
		return t, err
	}
	raw, err := seed.root(kind)
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
	t.fingerprint = hex.EncodeToString(address.Hash160(pub.SerializeCompressed())[:4])
	levels := account(kind, params, 0)
	t.base, err = derive(root, levels[:len(levels)-1]...)
	return t, err
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
	if mixdepth < 0 || int64(mixdepth) > MaxIndex || number > MaxIndex {
		return nil, ErrPath
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := branchID{mixdepth, number}
	if b := t.branches[id]; b != nil {
		return b, nil
	}
	b, err := t.newBranch(id)
	if err != nil {
		return nil, err
	}
	if b.parent, err = newParent(b.public); err != nil {
		return nil, err
	}
	if number == Timelocked {
		first, err := publicKeys([]child{{b.parent, 0}})
		if err != nil {
			return nil, err
		}
		b.first = first[0][:]
	}
	t.branches[id] = b
	return b, nil
}

// newBranch derives the keys of a branch; t.mu is held.
func (t *Tree) newBranch(id branchID) (*branch, error) {
	if t.base == nil {
		return t.watchBranch(id)
	}
	levels := account(t.kind, t.params, uint32(id.mixdepth))
	account, err := derive(t.base, levels[len(levels)-1])
	if err != nil {
		return nil, err
	}
	defer account.Zero()
	xpub, err := account.Neuter()
	if err != nil {
		return nil, fmt.Errorf("deriving a public key: %w", err)
	}
	b := &branch{account: xpub.String()}
	if b.private, err = derive(account, id.branch); err != nil {
		return nil, err
	}
	// Neuter also fills in the public half of the private key, which later
	// derivations then only read.
	if b.public, err = b.private.Neuter(); err != nil {
		return nil, fmt.Errorf("deriving a public key: %w", err)
	}
	return b, nil
}

func (t *Tree) watchBranch(id branchID) (*branch, error) {
	if id.mixdepth != 0 {
		return nil, fmt.Errorf("%w: a watch-only wallet knows mixdepth 0 only", ErrPath)
	}
	public, err := derive(t.watched, id.branch)
	return &branch{public: public, account: t.watched.String()}, err
}

// PublicKey returns the compressed public key, 33 bytes; of an imported key, in
// the form that its address is of.
func (t *Tree) PublicKey(p Path) ([]byte, error) {
	keys, err := t.publicKeys([]Path{p})
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// PrivateKey returns the key that signs for the path, or ErrWatchOnly. The
// caller should call Zero on it after use.
func (t *Tree) PrivateKey(p Path) (*btcec.PrivateKey, error) {
	if err := p.check(t.kind); err != nil {
		return nil, err
	}
	if p.Branch == Imported {
		k, err := t.importedKey(p)
		if err != nil {
			return nil, err
		}
		return k.private(), nil
	}
	b, err := t.branch(p.Mixdepth, p.Branch)
	if err != nil {
		return nil, err
	}
	if b.private == nil {
		return nil, ErrWatchOnly
	}
	key, err := derive(b.private, p.Index)
	if err != nil {
		return nil, err
	}
	defer key.Zero()
	return key.ECPrivKey()
}

// WIF returns the private key of the path as text for other wallets.
func (t *Tree) WIF(p Path) (secret.Text, error) {
	compressed := true
	if p.Branch == Imported {
		k, err := t.importedKey(p)
		if err != nil {
			return secret.Text{}, err
		}
		compressed = !k.Uncompressed
	}
	key, err := t.PrivateKey(p)
	if err != nil {
		return secret.Text{}, err
	}
	defer key.Zero()
	wif, err := btcutil.NewWIF(key, t.params, compressed)
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

// Fingerprint is that of the root key, 8 hex digits, by which users and signing
// devices tell seeds apart (BIP32). It is empty in a watch-only wallet.
func (t *Tree) Fingerprint() string { return t.fingerprint }

// ID returns the wallet id of the reference implementation for a wallet without
// fidelity bonds, 6 hex digits: the start of the double SHA256 over the text of
// the extended private key of the first branch. It names the wallet without
// telling its keys.
func (t *Tree) ID() (string, error) {
	b, err := t.branch(0, External)
	if err != nil {
		return "", err
	}
	if b.private == nil {
		return "", ErrWatchOnly
	}
	text := secret.NewText(b.private.String())
	defer text.Wipe()
	return id(text.RevealBytes()), nil
}

// BondsID returns the wallet id of the reference for a P2WPKH wallet with
// fidelity bonds, which it makes by default, and for the watch-only wallet of
// it.
func (t *Tree) BondsID() (string, error) {
	b, err := t.branch(0, External)
	if err != nil {
		return "", err
	}
	pub, err := b.public.ECPubKey()
	if err != nil {
		return "", fmt.Errorf("deriving a public key: %w", err)
	}
	return id(pub.SerializeCompressed()), nil
}

func id(of []byte) string { return hex.EncodeToString(chainhash.DoubleHashB(of)[:3]) }

// Wipe overwrites the private keys; the tree is of no use afterwards. It must
// not run at the same time as other methods.
func (t *Tree) Wipe() {
	if t.base != nil {
		t.base.Zero()
	}
	for _, b := range t.branches {
		if b.private != nil {
			b.private.Zero()
		}
	}
	for _, k := range t.imported {
		k.Key.Wipe()
	}
	clear(t.branches)
	clear(t.imported)
}
