// Package coins knows the coins of a wallet: which may be spent, which are
// chosen for an amount, and which are set aside for whom.
package coins

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Coin is an unspent output of the wallet.
type Coin struct {
	OutPoint wire.OutPoint
	Value    sats.Amount
	Script   []byte // output script
	Mixdepth int    // jar, 0 and up; coins of two jars are never joined unasked
	Branch   uint32 // 0 external, 1 internal
	Index    uint32 // within the branch
	Height   int32  // of the confirming block; 0 while unconfirmed
	Frozen   bool   // never spent until the user thaws it
	Cause    Cause  // why it is frozen; empty if it is not
}

// Confirmations counts the blocks on top of the coin with the chain at height
// tip, its own included; 0 while unconfirmed.
func (c Coin) Confirmations(tip int32) int32 {
	if c.Height <= 0 || c.Height > tip {
		return 0
	}
	return tip - c.Height + 1
}
