// Package coins knows the coins of a wallet: which may be spent, which are
// chosen for an amount, and which are set aside for whom.
package coins

import (
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// Coin is an unspent output of the wallet.
type Coin struct {
	OutPoint wire.OutPoint
	Value    sats.Amount
	Script   []byte // output script
	Mixdepth int    // jar, 0 and up; coins of two jars are never joined unasked
	Branch   uint32 // keys.External, Internal, Timelocked or Imported
	Index    uint32 // within the branch
	Locktime uint32 // until which a fidelity bond is locked, Unix time; 0 for other coins
	Height   int32  // of the confirming block; 0 while unconfirmed
	Frozen   bool   // never spent until the user thaws it
	Cause    Cause  // why it is frozen; empty if it is not
}

// Path names the key that owns the coin.
func (c Coin) Path() keys.Path {
	return keys.Path{Mixdepth: c.Mixdepth, Branch: c.Branch, Index: c.Index, Locktime: c.Locktime}
}

// LockTime is the least nLockTime of a transaction that spends the coin: for a
// fidelity bond a second more than its Locktime, as the reference has it, and 0
// for other coins.
func (c Coin) LockTime() uint32 {
	if c.Locktime == 0 {
		return 0
	}
	return c.Locktime + 1
}

// Locked reports whether no transaction can spend the coin yet, given the median
// time of the last eleven blocks: that of the next block must be past its
// LockTime (BIP113).
func (c Coin) Locked(median time.Time) bool {
	return c.Locktime != 0 && median.Unix() <= int64(c.LockTime())
}

// Confirmations counts the blocks on top of the coin with the chain at height
// tip, its own included; 0 while unconfirmed.
func (c Coin) Confirmations(tip int32) int32 {
	if c.Height <= 0 || c.Height > tip {
		return 0
	}
	return tip - c.Height + 1
}
