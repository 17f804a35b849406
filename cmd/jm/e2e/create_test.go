package e2e

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// create makes a wallet like that of jm wallet create, but for the work that a
// guess of its password costs: each of the many commands would do it again.
func (p *participant) create() {
	p.t.Helper()
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		p.t.Fatal(err)
	}
	dir := filepath.Join(p.dir, "wallets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	params := regtest.Params
	if strings.Contains(p.chain, "network = signet") {
		params = &chaincfg.SigNetParams
	}
	w, err := wallet.Create(filepath.Join(dir, "default.jmwallet"), secret.NewText("correct horse"), seed,
		wallet.Config{Params: params, KDF: wallettest.LightKDF})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
}
