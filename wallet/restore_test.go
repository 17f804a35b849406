package wallet_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/descriptor"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

const someAddress = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

func origin(t *testing.T) wallet.Origin {
	t.Helper()
	var set labels.Set
	if err := set.Put(labels.Ref{Type: labels.Address, Text: someAddress}, "rent"); err != nil {
		t.Fatal(err)
	}
	return wallet.Origin{
		Seed: newSeed(t), Type: txbuild.P2WPKH,
		Next:   [][2]uint32{{3, 7}, {0, 1}},
		Frozen: []wire.OutPoint{{Hash: chainhash.Hash{2}, Index: 1}, {Hash: chainhash.Hash{1}}},
		Labels: set,
		Imported: []wallet.Import{
			{Mixdepth: 1, Key: keys.ImportedKey{Key: secret.NewBytes(bytes.Repeat([]byte{1}, 32))}},
			{Mixdepth: 0, Key: keys.ImportedKey{Key: secret.NewBytes(bytes.Repeat([]byte{2}, 32))}},
			{Mixdepth: 1, Key: keys.ImportedKey{Key: secret.NewBytes(bytes.Repeat([]byte{3}, 32))}},
		},
	}
}

func TestRestore(t *testing.T) {
	o := origin(t)
	path := filepath.Join(t.TempDir(), "w.jmwallet")
	if err := wallet.Restore(path, wallettest.Password, o, offline()); err != nil {
		t.Fatal(err)
	}
	w := reopen(t, path, offline())
	if w.Mixdepths() != len(o.Next) {
		t.Errorf("%d mixdepths, want %d", w.Mixdepths(), len(o.Next))
	}
	want := []labels.Record{
		{Ref: labels.Ref{Type: labels.Address, Text: someAddress}, Label: "rent"},
		{Ref: labels.ForOutput(o.Frozen[1]), Spend: labels.Frozen},
		{Ref: labels.ForOutput(o.Frozen[0]), Spend: labels.Frozen},
	}
	if got := w.ExportLabels(); !slices.Equal(got, want) {
		t.Errorf("labels and frozen coins: %v, want %v", got, want)
	}
	err := w.WithKeys(func(tree *keys.Tree) error {
		for want, path := range []string{"imported/1/0", "imported/0/0", "imported/1/1"} {
			p, err := tree.ParsePath(path)
			if err != nil {
				return err
			}
			key, err := tree.PrivateKey(p)
			if err != nil || key.Serialize()[31] != byte(want+1) {
				t.Errorf("%s is another key, %v", path, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	branches, err := w.Descriptors()
	if err != nil || len(branches) != 4 {
		t.Fatalf("branches: %v, %v", branches, err)
	}
	for _, b := range branches {
		if b.Next != o.Next[b.Mixdepth][b.Branch] {
			t.Errorf("next of %d/%d is %d", b.Mixdepth, b.Branch, b.Next)
		}
		body, _, _ := strings.Cut(b.Text, "#")
		if text, err := descriptor.Seal(body); err != nil || text != b.Text || !strings.HasPrefix(body, "wpkh([") {
			t.Errorf("descriptor %s: %v", b.Text, err)
		}
		a, err := w.NextAddress(b.Mixdepth, b.Branch)
		if err != nil || a.Path != (keys.Path{Mixdepth: b.Mixdepth, Branch: b.Branch, Index: b.Next}) {
			t.Errorf("the next address of %d/%d is at %v: %v", b.Mixdepth, b.Branch, a.Path, err)
		}
	}
}

// What cannot be kept is named, and nothing is made.
func TestRestoreRefuses(t *testing.T) {
	for want, change := range map[string]func(*wallet.Origin){
		keys.ErrType.Error():       func(o *wallet.Origin) { o.Type = txbuild.P2TR },
		"has 16 bytes":             func(o *wallet.Origin) { o.Type = txbuild.P2PKH }, // and no extension
		keys.ErrWIF.Error():        func(o *wallet.Origin) { o.Imported[0].Key.Uncompressed = true },
		wallet.ErrMixdepth.Error(): func(o *wallet.Origin) { o.Imported[1].Mixdepth = 2 },
		"not 101":                  func(o *wallet.Origin) { o.Next = make([][2]uint32, wallet.MaxMixdepths+1) },
		"1 to 100 mixdepths":       func(o *wallet.Origin) { o.Next = nil },
		keys.ErrPath.Error():       func(o *wallet.Origin) { o.Next[1][0] = keys.MaxIndex + 2 },
	} {
		o := origin(t)
		change(&o)
		path := filepath.Join(t.TempDir(), "w.jmwallet")
		if err := wallet.Restore(path, wallettest.Password, o, offline()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: a file was made", want)
		}
	}
}

// TestW8RestoreBonds: bonds of a wallet from elsewhere are looked for, whether or
// not it knew them.
func TestW8RestoreBonds(t *testing.T) {
	c := wallettest.NewChain(regtest)
	o := origin(t)
	tree, err := keys.NewTree(o.Seed, o.Type, regtest)
	if err != nil {
		t.Fatal(err)
	}
	bond, err := keys.BondPath(300)
	if err != nil {
		t.Fatal(err)
	}
	script, err := tree.Script(bond)
	if err != nil {
		t.Fatal(err)
	}
	c.Pay(script, 5000)
	path := filepath.Join(t.TempDir(), "w.jmwallet")
	if err := wallet.Restore(path, wallettest.Password, o, c.Config()); err != nil {
		t.Fatal(err)
	}
	w := reopen(t, path, c.Config())
	sync(t, w)
	if all := bonds(t, w); len(all) != 1 || all[0].Path() != bond {
		t.Errorf("bonds %+v", all)
	}
}
