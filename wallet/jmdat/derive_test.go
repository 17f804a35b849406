package jmdat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/tyler-smith/go-bip39"
	"golang.org/x/text/unicode/norm"
)

// deriver derives what the seed of a wallet gives, straight from the rules of
// the reference: the proof that the right seed was read.
type deriver struct {
	*testing.T
	w        *Wallet
	params   *chaincfg.Params
	branches map[Path]*hdkeychain.ExtendedKey // by path without index
}

func deriverOf(t *testing.T, w *Wallet, params *chaincfg.Params) deriver {
	return deriver{t, w, params, make(map[Path]*hdkeychain.ExtendedKey)}
}

// branch returns the key above the addresses of a branch.
func (d deriver) branch(mixdepth int, branch uint32) *hdkeychain.ExtendedKey {
	id := Path{Mixdepth: mixdepth, Branch: branch}
	if d.branches[id] == nil {
		d.branches[id] = child(d.T, d.account(mixdepth), branch)
	}
	return d.branches[id]
}

// account returns the key of a mixdepth.
func (d deriver) account(mixdepth int) *hdkeychain.ExtendedKey {
	t, w, params := d.T, d.w, d.params
	if w.Type == WatchOnly {
		if mixdepth != 0 {
			t.Fatalf("watch-only wallet has mixdepth %d", mixdepth)
		}
		key, err := hdkeychain.NewKeyFromString(w.XPub)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	seed := []byte(hex.EncodeToString(w.Entropy.Reveal()))
	if w.Type != Legacy {
		phrase, err := w.Phrase()
		if err != nil {
			t.Fatal(err)
		}
		seed = bip39.NewSeed(phrase.Reveal(), norm.NFKD.String(w.Extension.Reveal()))
	}
	key, err := hdkeychain.NewMaster(seed, params)
	if err != nil {
		t.Fatal(err)
	}
	coin := uint32(1)
	if params.Name == "mainnet" {
		coin = 0
	}
	switch w.Type {
	case Legacy:
		return child(t, key, 0, uint32(mixdepth))
	case Nested:
		return child(t, key, hardened+49, hardened+coin, hardened+uint32(mixdepth))
	default:
		return child(t, key, hardened+84, hardened+coin, hardened+uint32(mixdepth))
	}
}

func child(t *testing.T, key *hdkeychain.ExtendedKey, levels ...uint32) *hdkeychain.ExtendedKey {
	t.Helper()
	var err error
	for _, level := range levels {
		if key, err = key.Derive(level); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

func publicKey(t *testing.T, key *hdkeychain.ExtendedKey) []byte {
	t.Helper()
	pub, err := key.ECPubKey()
	if err != nil {
		t.Fatal(err)
	}
	return pub.SerializeCompressed()
}

// id returns the wallet id that the seed gives.
func (d deriver) id() string {
	branch := d.branch(0, External)
	of := []byte(branch.String())
	if d.w.Type == Bonds || d.w.Type == WatchOnly {
		of = publicKey(d.T, branch)
	}
	return hex.EncodeToString(chainhash.DoubleHashB(of)[:idSize])
}

// script returns the output script of a path.
func (d deriver) script(p Path) []byte {
	t, w := d.T, d.w
	var pub []byte
	if p.Imported {
		for _, k := range w.Imported {
			if k.Path == p {
				_, key := btcec.PrivKeyFromBytes(k.Key.Reveal())
				pub = key.SerializeCompressed()
			}
		}
		if pub == nil {
			t.Fatalf("no imported key for %+v", p)
		}
	} else {
		pub = publicKey(t, child(t, d.branch(p.Mixdepth, p.Branch), p.Index))
	}
	build := func(b *txscript.ScriptBuilder) []byte {
		s, err := b.Script()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	script := txscript.NewScriptBuilder
	keyhash := build(script().AddOp(txscript.OP_0).AddData(address.Hash160(pub)))
	switch {
	case p.Branch == Timelocked:
		redeem := build(script().AddInt64(p.Locktime).AddOp(txscript.OP_CHECKLOCKTIMEVERIFY).AddOp(txscript.OP_DROP).
			AddData(pub).AddOp(txscript.OP_CHECKSIG))
		hash := sha256.Sum256(redeem)
		return build(script().AddOp(txscript.OP_0).AddData(hash[:]))
	case w.Type == Legacy:
		return build(script().AddOp(txscript.OP_DUP).AddOp(txscript.OP_HASH160).AddData(address.Hash160(pub)).
			AddOp(txscript.OP_EQUALVERIFY).AddOp(txscript.OP_CHECKSIG))
	case w.Type == Nested:
		return build(script().AddOp(txscript.OP_HASH160).AddData(address.Hash160(keyhash)).AddOp(txscript.OP_EQUAL))
	default:
		return keyhash
	}
}

// address returns the address of a path.
func (d deriver) address(p Path) string {
	_, addrs, _, err := txscript.ExtractPkScriptAddrs(d.script(p), d.params)
	if err != nil || len(addrs) != 1 {
		d.Fatalf("no address of %+v: %v", p, err)
	}
	return addrs[0].EncodeAddress()
}

// path writes a path as the reference does.
func (d deriver) path(p Path) string {
	coin := 1
	if d.params.Name == "mainnet" {
		coin = 0
	}
	switch {
	case p.Imported:
		return fmt.Sprintf("imported/%d/%d", p.Mixdepth, p.Index)
	case d.w.Type == Legacy:
		return fmt.Sprintf("m/0/%d/%d/%d", p.Mixdepth, p.Branch, p.Index)
	case d.w.Type == Nested:
		return fmt.Sprintf("m/49'/%d'/%d'/%d/%d", coin, p.Mixdepth, p.Branch, p.Index)
	case p.Branch == Timelocked:
		return fmt.Sprintf("m/84'/%d'/%d'/%d/%d:%d", coin, p.Mixdepth, p.Branch, p.Index, p.Locktime)
	default:
		return fmt.Sprintf("m/84'/%d'/%d'/%d/%d", coin, p.Mixdepth, p.Branch, p.Index)
	}
}

func wif(t *testing.T, k ImportedKey, params *chaincfg.Params) string {
	t.Helper()
	key, _ := btcec.PrivKeyFromBytes(k.Key.Reveal())
	text, err := btcutil.NewWIF(key, params, k.Compressed)
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
