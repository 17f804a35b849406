package wallet_test

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestD1SeveralAddresses: several addresses at once are those that would be handed
// out one by one, also twice of one mixdepth; or none is.
func TestD1SeveralAddresses(t *testing.T) {
	w := wallettest.New(t, wallettest.NewChain(&chaincfg.RegressionNetParams))
	all, err := w.Show(nil, 1, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []keys.Path{{Mixdepth: 1, Branch: keys.Internal}, {Mixdepth: 0, Branch: keys.Internal}, {Mixdepth: 1, Branch: keys.Internal, Index: 1}} {
		if all[i].Path != want {
			t.Errorf("%d: %+v, want %+v", i, all[i].Path, want)
		}
	}
	if _, err := w.Show(nil, 0, 5); !errors.Is(err, wallet.ErrMixdepth) {
		t.Errorf("a mixdepth that there is not: %v", err)
	}
	if a, err := w.NextAddress(0, keys.Internal); err != nil || a.Path.Index != 1 {
		t.Errorf("%+v, %v: an address was lost or given twice", a.Path, err)
	}
}
