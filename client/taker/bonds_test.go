package taker

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestM28BondsAreNotJoined: a taker neither spends nor commits to a fidelity
// bond, not even one that has ended and was thawed.
func TestM28BondsAreNotJoined(t *testing.T) {
	c := wallettest.NewChain(&chaincfg.RegressionNetParams)
	w := wallettest.New(t, c, []sats.Amount{100_000, 200_000})
	address, err := w.BondAddress(0) // of January 2020
	if err != nil {
		t.Fatal(err)
	}
	bond := c.Pay(address.Script, 900_000)
	c.Mine(wallettest.Confirmations)
	if err := w.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Thaw(bond); err != nil {
		t.Fatal(err)
	}
	a := &attempt{Taker: &Taker{cfg: Config{Wallet: w}}}

	others, err := a.otherCoins(nil)
	if err != nil || len(others) != 2 || others[0].Locktime != 0 || others[1].Locktime != 0 {
		t.Errorf("it may commit to %+v, %v", others, err)
	}
	if err := a.reserve(0); err != nil || len(a.lease.Coins) != 2 {
		t.Errorf("a sweep takes %+v, %v", a.lease, err)
	}
	if err := a.reserve(250_000); err != nil || len(a.lease.Coins) != 2 || coins.Sum(a.lease.Coins) != 300_000 {
		t.Errorf("a payment takes %+v, %v", a.lease, err)
	}
	if err := a.reserve(300_001); !errors.Is(err, coins.ErrFunds) {
		t.Errorf("a payment that the bond could make: %v", err)
	}
	if proof, err := w.Commit(coins.Coin{OutPoint: bond, Value: 900_000, Script: address.Script}, 0); err == nil {
		t.Errorf("committed to it: %+v", proof)
	}
}
