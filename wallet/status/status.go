// Package status names what became of coins and addresses, in the words that
// users know from the reference's displays.
package status

import (
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Status is the state of an address, or the origin of a coin.
type Status string

// Origins of a coin. An address with one coin has that of its coin.
const (
	Deposit     Status = "deposit"       // paid by somebody to an external address
	CJOut       Status = "cj-out"        // one of the equal outputs of a CoinJoin
	ChangeOut   Status = "change-out"    // what was left over in a CoinJoin
	NonCJChange Status = "non-cj-change" // paid to an internal address otherwise
)

// Other states of an address.
const (
	New     Status = "new"     // handed out to be paid at, and not paid yet
	Flagged Status = "flagged" // shown to a peer or signed for, and not paid yet (word of joinmarket-ng)
	Used    Status = "used"    // was paid, and is empty
	Reused  Status = "reused"  // has coins, and was paid more than once
	Empty   Status = "empty"   // of an imported key, and has no coin
)

// Coin returns the origin of an output of tx; internal says that its address is
// on an internal branch.
func Coin(tx *wire.MsgTx, value sats.Amount, internal bool) Status {
	join, ok := CoinJoin(tx)
	switch {
	case ok && value == join.Amount:
		return CJOut
	case ok:
		return ChangeOut
	case internal:
		return NonCJChange
	}
	return Deposit
}

// Address returns the state of an address that was handed out. paid says how
// many outputs it ever got, coins are the origins of those that are left.
//
// The reference looks only at the coins that are left, so that an address with
// one coin after another never counts as reused there. To it every empty
// address below the next index is used.
func Address(internal bool, paid int, coins ...Status) Status {
	switch {
	case paid == 0 && internal:
		return Flagged
	case paid == 0:
		return New
	case len(coins) == 0:
		return Used
	case paid > 1:
		return Reused
	}
	return coins[0]
}

// Imported returns the state of the address of an imported key, of which
// nobody knows where it was used before.
func Imported(hasCoins bool) Status {
	if hasCoins {
		return Used
	}
	return Empty
}

// Bond returns the state of the address of a fidelity bond: the day on which
// its lock ends, in UTC, and whether it has ended.
func Bond(locktime uint32, locked bool) Status {
	state := " [UNLOCKED]"
	if locked {
		state = " [LOCKED]"
	}
	return Status(time.Unix(int64(locktime), 0).UTC().Format(time.DateOnly) + state)
}
