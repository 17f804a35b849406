package wallet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// A new wallet that follows a node. The address is on the disk before it is
// shown, so that it never goes out twice.
func Example() {
	dir, err := os.MkdirTemp("", "wallet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	node := wallettest.NewChain(&chaincfg.RegressionNetParams) // in memory; see package chain for real ones
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := wallet.Create(filepath.Join(dir, "mine.jmwallet"), secret.NewText("correct horse"), seed, wallet.Config{
		Params: &chaincfg.RegressionNetParams, Chain: node.Backend(),
		KDF: wallettest.LightKDF, // of tests: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()

	to, err := w.NextAddress(0, keys.External)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Find(to.Text))

	if _, err := w.Coins(); err != nil {
		fmt.Println(err) // nothing is not the same as not known
	}
	node.Pay(to.Script, 50_000_000)
	node.Mine(6)
	if err := w.Sync(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	balances, err := w.Balances()
	fmt.Println(balances[0].Available, err)

	// Coins are set aside for a purpose, so that nothing else spends them.
	lease, err := w.Reserve(wallet.Reservation{Mixdepth: 0, Target: 20_000_000, MinConf: 1, Purpose: "example", TTL: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lease.Release()
	_, err = w.Reserve(wallet.Reservation{Mixdepth: 0, Target: 20_000_000, MinConf: 1, Purpose: "another", TTL: time.Hour})
	fmt.Println(err != nil)
	// Output:
	// {0 0 0 0} <nil>
	// the wallet is not synchronised with the node; wait, or check the node
	// 50 000 000 sat <nil>
	// true
}
