package wallet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestSignTextRefusesPathsAsReference: neither signs a text with what is no
// ordinary address of the wallet.
func TestSignTextRefusesPathsAsReference(t *testing.T) {
	type vector struct {
		Type                   string `json:"wallet_type"`
		Mnemonic, Path, Reason string
	}
	for _, c := range vectors.Load[vector](t, "sign_paths.json", 22) {
		cfg := wallet.Config{Params: &chaincfg.MainNetParams, KDF: wallettest.LightKDF}
		kind, _, _ := strings.Cut(c.Type, " ")
		cfg.Type = txbuild.ScriptType(kind)
		seed := bareSeed(t) // the words of an old wallet are others, and do not matter
		if cfg.Type != txbuild.P2PKH {
			var err error
			if seed, err = keys.ParsePhrase(secret.NewText(c.Mnemonic), secret.Text{}, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		w, _ := create(t, seed, cfg)
		var path keys.Path
		err := w.WithKeys(func(tree *keys.Tree) (err error) { path, err = tree.ParsePath(c.Path); return err })
		if err == nil {
			_, _, err = w.SignText(path, "x")
		}
		if err == nil {
			t.Errorf("%s, %q: %s, yet it is signed", c.Type, c.Path, c.Reason)
		}
		w.Close()
	}
}
