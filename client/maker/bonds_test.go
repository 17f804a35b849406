package maker

import (
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestM28BondsAreNotRevealed: a maker answers with ordinary coins only, whatever
// a fidelity bond that has ended and was thawed could pay.
func TestM28BondsAreNotRevealed(t *testing.T) {
	c := wallettest.NewChain(&chaincfg.RegressionNetParams)
	w := wallettest.New(t, c, []sats.Amount{100_000, 200_000})
	address, err := w.BondAddress(0) // of January 2020
	if err != nil {
		t.Fatal(err)
	}
	bond := c.Pay(address.Script, 900_000)
	c.Mine(1)
	if err := w.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Thaw(bond); err != nil {
		t.Fatal(err)
	}
	m := &Maker{cfg: Config{Wallet: w}}
	offer := protocol.Offer{Type: protocol.SW0AbsOffer, CJFee: "0"}

	if _, err := m.reserve("J5taker", Agreement{Offer: offer, Amount: 300_000}); reasonOf(err) != protocol.ReasonNoFunds {
		t.Errorf("what only the bond could pay: %v", err)
	}
	lease, err := m.reserve("J5taker", Agreement{Offer: offer, Amount: 250_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, coin := range lease.Coins {
		if coin.OutPoint == bond || coin.Branch == keys.Timelocked {
			t.Errorf("the bond is revealed: %+v", lease.Coins)
		}
	}
}
