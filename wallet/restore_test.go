package wallet_test

import (
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
	branches, err := w.Descriptors()
	if err != nil || len(branches) != 4 {
		t.Fatalf("branches: %v, %v", branches, err)
	}
	for _, b := range branches {
		if b.Next != o.Next[b.Mixdepth][b.Branch] {
			t.Errorf("next of %d/%d is %d", b.Mixdepth, b.Branch, b.Next)
		}
		if body, err := descriptor.Open(b.Text); err != nil || !strings.HasPrefix(body, "wpkh([") {
			t.Errorf("descriptor %s: %v", b.Text, err)
		}
		a, err := w.NextAddress(b.Mixdepth, b.Branch)
		if err != nil || a.Path != (keys.Path{Mixdepth: b.Mixdepth, Branch: b.Branch, Index: b.Next}) {
			t.Errorf("the next address of %d/%d is at %v: %v", b.Mixdepth, b.Branch, a.Path, err)
		}
	}
}

// What a file has no place for is named, and nothing is made.
func TestRestoreRefuses(t *testing.T) {
	for want, change := range map[string]func(*wallet.Origin){
		"addresses of type p2pkh": func(o *wallet.Origin) { o.Type = txbuild.P2PKH },
		"imported keys (2)":       func(o *wallet.Origin) { o.Imported = 2 },
		"fidelity bonds (4)":      func(o *wallet.Origin) { o.Bonds = 4 },
		"100 mixdepths, not 101":  func(o *wallet.Origin) { o.Next = make([][2]uint32, wallet.MaxMixdepths+1) },
		"1 to 100 mixdepths":      func(o *wallet.Origin) { o.Next = nil },
		keys.ErrPath.Error():      func(o *wallet.Origin) { o.Next[1][0] = keys.MaxIndex + 2 },
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
