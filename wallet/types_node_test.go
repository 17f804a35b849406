package wallet_test

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	internal "github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func TestW8TypesOnBitcoind(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	typesOnNode(t, node, func(t *testing.T, kind txbuild.ScriptType) (chain.Backend, error) {
		return core.New(core.Config{Node: node.Access(), Wallet: string(kind), Params: regtest})
	})
}

func TestW8TypesOnBTCD(t *testing.T) {
	node := chaintest.StartBTCD(t)
	access := node.Access()
	typesOnNode(t, node, func(t *testing.T, kind txbuild.ScriptType) (chain.Backend, error) {
		return btcd.New(btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest})
	})
}

// typesOnNode receives to addresses of the seed and to an imported key that was
// paid before it was known, and spends both.
func typesOnNode(t *testing.T, node *internal.Node, open func(*testing.T, txbuild.ScriptType) (chain.Backend, error)) {
	for i, kind := range allTypes {
		t.Run(string(kind), func(t *testing.T) {
			backend, err := open(t, kind)
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Close()
			pay := func(script []byte) {
				t.Helper()
				if _, err := node.Fund(t.Context(), wire.NewTxOut(100_000, script)); err != nil {
					t.Fatal(err)
				}
				if _, err := node.Mine(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
			}
			cfg := wallet.Config{Params: regtest, Chain: backend, KDF: wallettest.LightKDF, Type: kind, Mixdepths: 1}
			w, _ := create(t, bareSeed(t), cfg)
			defer w.Close()
			sync(t, w)
			elsewhere, _ := create(t, bareSeed(t), wallet.Config{Params: regtest, KDF: wallettest.LightKDF, Type: kind})
			defer elsewhere.Close()
			wif := wifOf(t, byte(100+i), kind != txbuild.P2PKH)
			pay(importKey(t, elsewhere, wif, 0).Script)
			pay(next(t, w, 0, keys.External).Script)
			pay(next(t, w, 0, keys.Internal).Script)
			sync(t, w)
			if got := balances(t, w)[0].Available; got != 200_000 {
				t.Fatalf("before the import: %v", got)
			}
			importKey(t, w, wif, 0)
			sync(t, w)
			all := list(t, w)
			if got := balances(t, w)[0].Available; got != 300_000 || len(all) != 3 {
				t.Fatalf("with the imported key: %v in %d coins", got, len(all))
			}
			tx := payment(3000, all...)
			if err := w.SignTx(tx, all); err != nil {
				t.Fatal(err)
			}
			if err := w.Publish(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
			if _, err := node.Mine(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			sync(t, w)
			if all := list(t, w); len(all) != 0 {
				t.Errorf("after the spend: %+v", all)
			}
		})
	}
}
