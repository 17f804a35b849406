package core

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// walletInfo is what the node says about its wallet.
type walletInfo struct {
	Descriptors bool
	PrivateKeys bool `json:"private_keys_enabled"`
	// Scanning is false, or an object while blocks are searched.
	Scanning json.RawMessage
}

// scanning returns how far a search is, 0..1 as text; ok is false if there is
// none.
func (i walletInfo) scanning() (progress json.Number, ok bool) {
	var state struct{ Progress json.Number }
	if json.Unmarshal(i.Scanning, &state) != nil || state.Progress == "" {
		return "", false
	}
	return state.Progress, true
}

func (b *Backend) walletInfo(ctx context.Context) (walletInfo, error) {
	var info walletInfo
	err := b.wallet.Call(ctx, "getwalletinfo", nil, &info)
	return info, err
}

// openWallet loads the node's wallet, or creates it.
func (b *Backend) openWallet(ctx context.Context) error {
	var loaded []string
	if err := b.node.Call(ctx, "listwallets", nil, &loaded); err != nil {
		if rpc.HasCode(err, rpc.CodeNoMethod) {
			return fmt.Errorf("the node runs without wallets: remove disablewallet from its configuration: %w", err)
		}
		return err
	}
	if !slices.Contains(loaded, b.cfg.Wallet) {
		if err := b.loadWallet(ctx); err != nil {
			return err
		}
	}
	info, err := b.walletInfo(ctx)
	if err != nil {
		return err
	}
	switch {
	case info.PrivateKeys:
		return fmt.Errorf("the node's wallet %q holds private keys: choose another name, and a watch-only wallet is created", b.cfg.Wallet)
	case !info.Descriptors:
		return fmt.Errorf("the node's wallet %q is of the old kind without descriptors: choose another name, and a new one is created", b.cfg.Wallet)
	}
	return nil
}

func (b *Backend) loadWallet(ctx context.Context) error {
	// Loading reads the blocks since the wallet was last loaded.
	ctx, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	err := b.node.CallSlow(ctx, "loadwallet", []any{b.cfg.Wallet}, nil)
	if rpc.HasCode(err, rpc.CodeNoWallet) {
		b.log.Info("creating a watch-only wallet in the node", "wallet", b.cfg.Wallet)
		err = b.node.CallSlow(ctx, "createwallet", map[string]any{
			"wallet_name":          b.cfg.Wallet,
			"disable_private_keys": true,
			"blank":                true,
			"descriptors":          true,
			"load_on_startup":      true,
		}, nil)
	}
	if rpc.HasCode(err, rpc.CodeWalletLoaded, rpc.CodeWalletExists) {
		return nil // somebody else was faster
	}
	return err
}
