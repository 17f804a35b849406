package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestJoinable: only P2WPKH wallets with their keys go to the market.
func TestJoinable(t *testing.T) {
	params := &chaincfg.RegressionNetParams
	seed := func() keys.Seed {
		s, err := keys.NewSeed(secret.Text{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tree, err := keys.NewTree(seed(), txbuild.P2WPKH, params)
	if err != nil {
		t.Fatal(err)
	}
	master, err := tree.Master()
	if err != nil {
		t.Fatal(err)
	}
	watching, err := keys.ParseMaster(master, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		seed keys.Seed
		kind txbuild.ScriptType
		want string // in the error; empty: it may take part
	}{
		{seed(), txbuild.P2WPKH, ""}, {seed(), txbuild.P2SH, "p2sh-p2wpkh"}, {seed(), txbuild.P2PKH, "p2pkh"}, {watching, txbuild.P2WPKH, "only watches"},
	} {
		w, err := wallet.Create(filepath.Join(t.TempDir(), "w"), wallettest.Password, c.seed,
			wallet.Config{Params: params, KDF: wallettest.LightKDF, Type: c.kind})
		if err != nil {
			t.Fatal(err)
		}
		err = joinable(w)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.kind, err, c.want)
		}
		if w.WatchOnly() && !errors.Is(err, keys.ErrWatchOnly) {
			t.Errorf("watch-only: %v", err)
		}
		w.Close()
	}
}
