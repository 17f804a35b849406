// Package migrate turns the content of an old wallet file (package jmdat) into
// what a wallet of ours is made of. It reads no file and writes none.
//
// The old format cannot tell a damaged file from a sound one. So the wallet id
// and the scripts that the file remembers are compared with what its seed
// gives, and a file whose seed gives another wallet is refused. Nothing is
// dropped in silence: what cannot be taken over is told in Plan.Notes, or the
// file is refused.
package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/jmdat"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Errors of New, besides those of packages keys and labels. None repeats a
// secret.
var (
	// ErrNetwork: the wallet is for another network.
	ErrNetwork = errors.New("the old wallet is for another network; set network in joinmarket.cfg, or use another data folder")
	// ErrOtherSeed: the seed in the file is not the one that its addresses were
	// made of.
	ErrOtherSeed = errors.New("the seed in this wallet file does not give the addresses that the file remembers: it is damaged; use a backup of it, or recover the wallet from its words")
	// ErrKeyType: an imported key makes addresses of another type than the
	// wallet, which ours cannot hold.
	ErrKeyType = errors.New("an imported key is for another type of address than the wallet; spend its coins with the old program first, then remove it there")
)

// Plan is what an old wallet becomes.
type Plan struct {
	// Type is that of all addresses but those of bonds.
	Type txbuild.ScriptType
	// Bonds tells that the old wallet could have fidelity bonds: every one of
	// their 960 addresses is to be looked for.
	Bonds bool
	// Seed is the origin of the keys; it may watch only. It shares its secrets
	// with the old wallet, and has no birth.
	Seed keys.Seed
	// Fingerprint is that of the seed, empty if watch-only; ID the wallet id
	// that the old program shows.
	Fingerprint, ID string
	// First is the first address of mixdepth 0.
	First string
	// Next has the next index of keys.External and keys.Internal by mixdepth.
	Next [][2]uint32
	// Imported are the keys that no seed restores, numbered anew without gaps
	// in each mixdepth, in the old order.
	Imported []Imported
	// Frozen are the coins that are not to be spent, whether they exist or not.
	Frozen []wire.OutPoint
	// Labels are those of the addresses of the network, made fit to be shown.
	Labels labels.Set
	// BondMonths are the locktimes (Unix time, seconds, ascending) of the bonds
	// that the old program saw last: a hint, not a list of all.
	BondMonths []int64
	// Notes are sentences about what was left out or may surprise. They repeat
	// nothing of the file that could harm a terminal.
	Notes []string
}

// Imported is a private key from elsewhere and what it is for.
type Imported struct {
	Path    keys.Path
	Key     keys.ImportedKey // shares its secret with the old wallet
	Address string
}

// kinds has the type of addresses of each type of old wallet.
var kinds = map[jmdat.Type]txbuild.ScriptType{
	jmdat.Legacy:    txbuild.P2PKH,
	jmdat.Nested:    txbuild.P2SH,
	jmdat.Native:    txbuild.P2WPKH,
	jmdat.Bonds:     txbuild.P2WPKH,
	jmdat.WatchOnly: txbuild.P2WPKH,
}

// New plans the migration of an old wallet to the network of params. birth is a
// time before which its seed was not used, zero if unknown: the date in the file
// says nothing about that, since the file may have been recovered from words.
// The plan is of use until the old wallet is wiped.
func New(old *jmdat.Wallet, params *chaincfg.Params, birth time.Time) (*Plan, error) {
	if !old.Network.Includes(params) {
		return nil, fmt.Errorf("%w (it is for %s, not %s)", ErrNetwork, old.Network, params.Name)
	}
	p := &Plan{
		Type:       kinds[old.Type],
		Bonds:      old.Type == jmdat.Bonds || old.Type == jmdat.WatchOnly,
		Frozen:     old.Frozen,
		BondMonths: old.Locktimes,
	}
	var err error
	if p.Seed, err = seed(old, birth); err != nil {
		return nil, err
	}
	tree, err := keys.NewTree(p.Seed, p.Type, params)
	if err != nil {
		return nil, fmt.Errorf("deriving the keys of the old wallet: %w", err)
	}
	defer tree.Wipe()
	if err := p.describe(tree); err != nil {
		return nil, err
	}
	for _, next := range old.Next {
		p.Next = append(p.Next, [2]uint32{next[jmdat.External], next[jmdat.Internal]})
	}
	places, err := p.takeImported(old, tree)
	if err != nil {
		return nil, err
	}
	for _, w := range old.Warnings {
		p.note("%v", w)
	}
	if err := p.verify(old, tree, places); err != nil {
		return nil, err
	}
	if err := p.takeLabels(old, params); err != nil {
		return nil, err
	}
	if n := len(old.Burns); n > 0 {
		p.note("records of burnt coins are not taken over (%d): those coins cannot be spent by anybody", n)
	}
	if len(old.Unknown) > 0 {
		p.note("the parts without a known meaning are %s", strings.Join(old.Unknown, ", "))
	}
	return p, nil
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// masterPrefix begins the public key of a watch-only wallet as package keys
// reads it.
const masterPrefix = "fbonds-mpk-"

// seed returns the origin of the keys.
func seed(old *jmdat.Wallet, birth time.Time) (keys.Seed, error) {
	if old.Type == jmdat.WatchOnly {
		return keys.ParseMaster(masterPrefix+old.XPub, birth)
	}
	return keys.SeedOf(old.Entropy, old.Extension, birth)
}

// describe fills in what the user compares with the old program.
func (p *Plan) describe(tree *keys.Tree) (err error) {
	id := tree.ID
	if p.Bonds {
		id = tree.BondsID
	}
	if p.ID, err = id(); err != nil {
		return err
	}
	p.Fingerprint = tree.Fingerprint()
	p.First, err = tree.Address(keys.Path{Branch: keys.External})
	return err
}

// takeImported puts the imported keys into the plan and the tree. It returns
// their new paths by the old ones.
func (p *Plan) takeImported(old *jmdat.Wallet, tree *keys.Tree) (map[jmdat.Path]keys.Path, error) {
	places := make(map[jmdat.Path]keys.Path)
	count := make(map[int]uint32) // by mixdepth
	for _, k := range old.Imported {
		path := keys.Path{Mixdepth: k.Path.Mixdepth, Branch: keys.Imported, Index: count[k.Path.Mixdepth]}
		if kinds[k.Type] != p.Type {
			return nil, fmt.Errorf("%w (imported/%d/%d, of type %v)", ErrKeyType, k.Path.Mixdepth, k.Path.Index, k.Type)
		}
		if k.Path.Mixdepth >= len(old.Next) {
			return nil, fmt.Errorf("%w: an imported key is in mixdepth %d, which the wallet does not have", jmdat.ErrDamaged, k.Path.Mixdepth)
		}
		key := keys.ImportedKey{Key: k.Key, Uncompressed: !k.Compressed}
		own := keys.ImportedKey{Key: secret.NewBytes(bytes.Clone(k.Key.Reveal())), Uncompressed: key.Uncompressed} // the tree wipes it
		if err := tree.Import(path.Mixdepth, path.Index, own); err != nil {
			return nil, fmt.Errorf("taking an imported key of the old wallet: %w", err)
		}
		address, err := tree.Address(path)
		if err != nil {
			return nil, fmt.Errorf("taking an imported key of the old wallet: %w", err)
		}
		count[path.Mixdepth]++
		places[k.Path] = path
		p.Imported = append(p.Imported, Imported{path, key, address})
	}
	return places, nil
}

// takeLabels takes the labels of addresses of the network.
func (p *Plan) takeLabels(old *jmdat.Wallet, params *chaincfg.Params) error {
	foreign, altered := 0, 0
	for address, text := range old.Labels {
		if _, err := txbuild.ParseAddress(address, params); err != nil {
			foreign++
			continue
		}
		clean := labels.Clean(text)
		if clean != text {
			altered++
		}
		ref, err := labels.ParseRef(address)
		if err == nil {
			err = p.Labels.Put(ref, clean)
		}
		if err != nil {
			return fmt.Errorf("taking the labels of the old wallet: %w", err)
		}
	}
	if foreign > 0 {
		p.note("labels of addresses of other networks than %s are left out (%d)", params.Name, foreign)
	}
	if altered > 0 {
		p.note("control characters in labels became blanks (%d)", altered)
	}
	return nil
}
