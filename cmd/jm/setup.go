package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

// params are the parameters of the configured network. As in the reference,
// blockchain_source = regtest with network = testnet means regtest.
func (a *app) params() (*chaincfg.Params, error) {
	network := a.cfg.Blockchain.Network
	if network == "testnet" && a.cfg.Blockchain.Source == "regtest" {
		network = "regtest"
	}
	switch network {
	case "mainnet":
		return &chaincfg.MainNetParams, nil
	case "testnet":
		return &chaincfg.TestNet3Params, nil
	case "signet":
		return &chaincfg.SigNetParams, nil
	case "regtest":
		return &chaincfg.RegressionNetParams, nil
	}
	return nil, fmt.Errorf("unknown network %q", network)
}

// openWallet opens a wallet file for its owner; backend may be nil.
func (a *app) openWallet(name string, backend chain.Backend) (*wallet.Wallet, error) {
	return a.openWalletFor(name, backend, false)
}

// openWalletFor opens a wallet file for its owner, or for a maker only.
func (a *app) openWalletFor(name string, backend chain.Backend, makerOnly bool) (*wallet.Wallet, error) {
	path, err := a.walletPath(name)
	if err != nil {
		return nil, err
	}
	params, err := a.params()
	if err != nil {
		return nil, err
	}
	cfg := wallet.Config{
		Params: params, Chain: backend, Logger: a.log, Files: a.files, KDF: a.kdf,
		GapLimit:       max(a.cfg.Policy.GapLimit, wallet.DefaultGapLimit),
		RecoveryGap:    wallet.DefaultRecoveryGap,
		MaxFreezeReuse: reuseLimit(a.cfg.Policy.MaxFreezeReuse),
		Selection:      coins.Algorithm(a.cfg.Policy.MergeAlgorithm),
		MakerOnly:      makerOnly,
	}
	w, err := a.openWith(path, cfg)
	for tries := 1; tries < passwordTries && a.password.asks() && errors.Is(err, store.ErrPassword); tries++ {
		a.term.say("That is not the password. Once more:")
		w, err = a.openWith(path, cfg)
	}
	if errors.Is(err, store.ErrLocked) {
		err = fmt.Errorf("%w\n%s", err, a.wayOut(path))
	}
	return w, noWallet(path, err)
}

// passwordTries is how often somebody at a terminal may type a password.
const passwordTries = 3

// openWith asks for the password of a wallet file and opens it.
func (a *app) openWith(path string, cfg wallet.Config) (*wallet.Wallet, error) {
	password, err := a.askPassword(path)
	if err != nil {
		return nil, err
	}
	defer password.Wipe()
	a.term.waiting("making a key of the password")
	defer a.term.waiting("")
	return wallet.Open(path, password, cfg)
}

// askPassword gets the password of an existing file.
func (a *app) askPassword(path string) (secret.Text, error) {
	password, named, err := a.password.read(a.term)
	if !named && err == nil {
		password, err = a.term.askSecret("Password of " + path + ": ")
		if errors.Is(err, errNoTerminal) {
			err = usagef("%w; name a source with --password-file, --password-fd or --wallet-password-stdin", err)
		}
	}
	return password, err
}

// reuseLimit turns max_sats_freeze_reuse, where -1 stands for all coins and 0
// for none, into the wallet's terms.
func reuseLimit(most sats.Amount) sats.Amount {
	switch {
	case most < 0:
		return 0
	case most == 0:
		return -1
	}
	return most
}

// noWallet explains why a wallet cannot be opened.
func noWallet(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no wallet file %s; jm wallet list names those there are", path)
	}
	if errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNotWallet) {
		if copies, listErr := store.Backups(path); listErr == nil && len(copies) > 0 {
			err = fmt.Errorf("%w; its newest backup is %s", err, copies[0].Path)
		}
	}
	return withCode(exitWallet, err)
}

// openSynced opens a wallet and brings it up to date with the node. done closes
// both.
func (a *app) openSynced(ctx context.Context, name string) (w *wallet.Wallet, done func(), err error) {
	return a.openSyncedFor(ctx, name, false)
}

// openMaker is openSynced for a maker, who sends nothing.
func (a *app) openMaker(ctx context.Context, name string) (w *wallet.Wallet, done func(), err error) {
	return a.openSyncedFor(ctx, name, true)
}

func (a *app) openSyncedFor(ctx context.Context, name string, makerOnly bool) (w *wallet.Wallet, done func(), err error) {
	path, err := a.walletPath(name)
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(path); err != nil { // before the node and the password are asked for
		return nil, nil, noWallet(path, err)
	}
	backend, err := a.openChain(ctx)
	if err != nil {
		return nil, nil, err
	}
	if w, err = a.openWalletFor(name, backend, makerOnly); err != nil {
		backend.Close()
		return nil, nil, err
	}
	done = func() {
		w.Close()
		backend.Close()
	}
	if err := a.sync(ctx, w); err != nil {
		done()
		return nil, nil, nodeError(err)
	}
	return w, done, nil
}

// nodeError gives what a node failed at its exit status, and says what to do.
func nodeError(err error) error {
	switch {
	case errors.Is(err, chain.ErrUnreachable):
		return withCode(exitNode, fmt.Errorf("%w\nStart the node or wait for it, or correct [BLOCKCHAIN] in joinmarket.cfg", err))
	case errors.Is(err, chain.ErrWrongNetwork):
		return withCode(exitNode, fmt.Errorf("%w\nSet network in joinmarket.cfg to that of the node, or use another node", err))
	}
	return err
}
