package jmdat

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

// refusals says why each bad file is refused. Where the reference blames the
// password for a change of the first bytes, the rest of the text shows that it
// is right.
var refusals = map[string]error{
	"bad-password.jmdat":          ErrPassword,
	"bad-password-none.jmdat":     ErrNoPassword,
	"bad-password-empty.jmdat":    ErrNoPassword,
	"bad-password-blank.jmdat":    ErrPassword,
	"bad-magic.jmdat":             ErrNotWallet,
	"bad-magic-plain.jmdat":       ErrMissing,
	"cut-0.jmdat":                 ErrTruncated,
	"cut-7.jmdat":                 ErrTruncated,
	"cut-8.jmdat":                 ErrTruncated,
	"cut-9.jmdat":                 ErrTruncated,
	"cut-30.jmdat":                ErrTruncated,
	"cut-2374.jmdat":              ErrTruncated,
	"cut-4708.jmdat":              ErrTruncated,
	"cut-4747.jmdat":              ErrTruncated,
	"trailing.jmdat":              ErrDamaged,
	"trailing-e.jmdat":            ErrDamaged,
	"flip-first-block.jmdat":      ErrStart,
	"flip-last-block.jmdat":       ErrDamaged,
	"flip-salt.jmdat":             ErrPassword,
	"flip-iv-0.jmdat":             ErrStart,
	"cut-cipher-1.jmdat":          ErrDamaged,
	"cut-cipher-16.jmdat":         ErrTruncated,
	"cut-cipher-0.jmdat":          ErrDamaged,
	"cut-cipher-to-1-block.jmdat": ErrTruncated,
	"short-iv.jmdat":              ErrDamaged,
	"short-salt.jmdat":            ErrDamaged,
	"no-enc.jmdat":                ErrMissing,
	"type-3.jmdat":                ErrUnknownVersion,
	"type-4.jmdat":                ErrUnknownVersion,
	"type-7.jmdat":                ErrUnknownVersion,
	"type-8.jmdat":                ErrUnknownVersion,
	"type-9.jmdat":                ErrUnknownVersion,
	"type-10.jmdat":               ErrUnknownVersion,
	"type-11.jmdat":               ErrUnknownVersion,
	"type-negative.jmdat":         ErrUnknownVersion,
	"without-wallet_type.jmdat":   ErrMissing,
	"without-network.jmdat":       ErrMissing,
	"without-entropy.jmdat":       ErrMissing,
	"without-index_cache.jmdat":   ErrMissing,
	"without-utxo.jmdat":          ErrMissing,
	"without-imported_keys.jmdat": ErrMissing,
	"network-unknown.jmdat":       ErrDamaged,
	"entropy-short.jmdat":         ErrDamaged,
	"entropy-empty.jmdat":         ErrDamaged,
	"entropy-12.jmdat":            ErrDamaged,
	"unordered.jmdat":             ErrDamaged,
	"duplicate-key.jmdat":         ErrDamaged,
	"leading-zero.jmdat":          ErrDamaged,
	"not-bencode.jmdat":           ErrDamaged,
	"list.jmdat":                  ErrDamaged,
	"garbage-behind.jmdat":        ErrDamaged,
}

// either lists files with a change that the format cannot tell: the reference
// opens them, and so may we.
var either = map[string]error{
	"flip-iv-12.jmdat":      nil, // a part has another name
	"flip-block-2.jmdat":    nil, // a label is garbage
	"flip-block-5.jmdat":    nil,
	"flip-block-146.jmdat":  nil,
	"tampered-label.jmdat":  nil,
	"type-bond.jmdat":       nil,
	"without-created.jmdat": nil,
	"old-coins.jmdat":       nil,
}

// warnings lists what is reported for the files that open, besides
// WarnWatchOnly.
var warnings = map[string][]WarningKind{
	"watchonly.jmdat":           {WarnWatchOnly},
	"extra-key.jmdat":           {WarnUnknown},
	"cache-wrong-address.jmdat": {WarnCache},
}

func TestVectorFiles(t *testing.T) {
	var keys keyCache
	refused := 0
	for _, v := range vectors.Load[vector](t, "jmdat.json", 82) {
		t.Run(v.name(), func(t *testing.T) {
			w, err := open(v.data(t), v.password(), keys.derive)
			if want := refusals[v.name()]; want != nil {
				refused++
				if v.Valid || !errors.Is(err, want) || w != nil {
					t.Fatalf("got %v, %v, want %v", w != nil, err, want)
				}
				if v.Encrypted && errors.Is(err, ErrPassword) == errors.Is(err, ErrDamaged) {
					t.Errorf("%v blames both or none", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer w.Wipe()
			params := networks[v.Network]
			if want := v.name() != "wrong-network.jmdat"; w.Network.Includes(params) != want || v.Valid != want {
				t.Errorf("a wallet of %s on %s: fits %v", w.Network, v.Network, !want)
			}
			if v.has() {
				compare(t, v, w, params)
			}
		})
	}
	if refused != len(refusals) {
		t.Errorf("%d files refused, want %d", refused, len(refusals))
	}
}

// compare checks all that the vector tells.
func compare(t *testing.T, v vector, w *Wallet, params *chaincfg.Params) {
	created := ""
	if !w.Created.IsZero() {
		created = w.Created.Format("2006/01/02 15:04:05")
	}
	d := deriverOf(t, w, params)
	phrase, err := w.Phrase()
	if err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"type", strconv.Itoa(int(w.Type)), strconv.Itoa(*v.Type)},
		{"network", string(w.Network), v.StoredNetwork},
		{"created", created, v.Created},
		{"entropy", hex.EncodeToString(w.Entropy.Reveal()), v.Entropy},
		{"xpub", w.XPub, v.EntropyText},
		{"phrase", phrase.Reveal(), v.Mnemonic},
		{"extension", w.Extension.Reveal(), v.Extension},
		{"derived id", d.id(), v.WalletID},
		{"highest mixdepth", strconv.Itoa(len(w.Next) - 1), strconv.Itoa(v.MaxMixdepth)},
	} {
		if c.got != c.want {
			t.Errorf("%s %q, want %q", c.what, c.got, c.want)
		}
	}
	if len(v.Coins) > 0 && w.ID != v.WalletID || w.ID != "" && w.ID != v.WalletID {
		t.Errorf("id %q, want %q", w.ID, v.WalletID)
	}
	compareIndices(t, v, w)
	compareImported(d, v)
	compareCoins(d, v)
	if !maps.Equal(w.Labels, v.Labels) {
		t.Errorf("labels %q, want %q", w.Labels, v.Labels)
	}
	if len(w.Burns) != len(v.Burned) {
		t.Fatalf("%d burns, want %d", len(w.Burns), len(v.Burned))
	}
	for i, b := range v.Burned {
		got := w.Burns[i]
		if got.Path != b.Path || hex.EncodeToString(got.RawTx) != b.RawTx || hex.EncodeToString(got.Branch) != b.Merkle ||
			got.Height != b.Height || got.BlockIndex != b.BlockIndex {
			t.Errorf("burn %+v, want %+v", got, b)
		}
	}
	for _, k := range w.Known {
		if got := d.script(k.Path); !bytes.Equal(got, k.Script) {
			t.Errorf("%s: stored script %x, derived %x", d.path(k.Path), k.Script, got)
		}
	}
	if _, ok := either[v.name()]; ok {
		return
	}
	var kinds []WarningKind
	for _, warning := range w.Warnings {
		kinds = append(kinds, warning.Kind)
	}
	if !slices.Equal(kinds, warnings[v.name()]) {
		t.Errorf("warnings %v, want %v", w.Warnings, warnings[v.name()])
	}
}

func compareIndices(t *testing.T, v vector, w *Wallet) {
	if len(v.IndexCache) != len(w.Next) {
		t.Fatalf("%d mixdepths, want %d", len(w.Next), len(v.IndexCache))
	}
	for mixdepth, next := range w.Next {
		for branch, index := range next {
			if want := v.IndexCache[mixdepth][uint32(branch)]; index != want {
				t.Errorf("next index of %d/%d is %d, want %d", mixdepth, branch, index, want)
			}
		}
	}
}

func compareImported(d deriver, v vector) {
	t, w := d.T, d.w
	n := 0
	for _, want := range v.Imported {
		if want.Removed {
			continue
		}
		if n == len(w.Imported) {
			t.Fatalf("only %d imported keys", n)
		}
		got := w.Imported[n]
		n++
		key := hex.EncodeToString(got.Key.Reveal()) + "01"
		if d.path(got.Path) != want.Path || got.Type != want.Type || key != want.Key || !got.Compressed {
			t.Errorf("imported key %s of type %d, want %s of type %d", d.path(got.Path), got.Type, want.Path, want.Type)
		}
		if wif(t, got, d.params) != want.WIF || d.address(got.Path) != want.Address {
			t.Errorf("imported key %s gives another WIF or address", want.Path)
		}
	}
	if n != len(w.Imported) {
		t.Errorf("%d imported keys, want %d", len(w.Imported), n)
	}
}

func compareCoins(d deriver, v vector) {
	t, w := d.T, d.w
	frozen := make(map[string]bool)
	for _, out := range w.Frozen {
		frozen[out.String()] = true
	}
	marked := 0
	for _, m := range v.Meta {
		if m.Disabled {
			marked++
		}
		if out := fmt.Sprintf("%s:%d", m.TxID, m.Index); frozen[out] != m.Disabled {
			t.Errorf("%s frozen %v", out, frozen[out])
		}
	}
	if marked != len(w.Frozen) {
		t.Errorf("%d frozen coins, want %d", len(w.Frozen), marked)
	}
	if v.Coins == nil {
		return // not told
	}
	if len(w.Coins) != len(v.Coins) {
		t.Fatalf("%d coins, want %d", len(w.Coins), len(v.Coins))
	}
	bonds := make(map[int64]bool)
	for i, want := range v.Coins {
		got := w.Coins[i]
		height := int64(got.Height)
		if height == 0 {
			height = unconfirmed
		}
		out := fmt.Sprintf("%s:%d", want.TxID, want.Index)
		if got.OutPoint.String() != out || d.path(got.Path) != want.Path ||
			int64(got.Value) != want.Value || height != want.Height || frozen[out] != want.Frozen {
			t.Errorf("coin %+v, want %+v", got, want)
		}
		if addr := d.address(got.Path); addr != want.Address {
			t.Errorf("coin at %s is on %s, want %s", want.Path, addr, want.Address)
		}
		if got.Path.Locktime != 0 {
			bonds[got.Path.Locktime] = true
		}
	}
	if !slices.Equal(w.Locktimes, slices.Sorted(maps.Keys(bonds))) {
		t.Errorf("locktimes %v, want %v", w.Locktimes, bonds)
	}
}
