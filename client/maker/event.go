package maker

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Event is something the maker tells its user: one of the types below.
type Event interface{ event() }

// Announced: these offers are in force now; there are none while the wallet has
// too little. Bond is shown with them; nil: none is.
type Announced struct {
	Offers []protocol.Offer
	Bond   *ShownBond
}

// Due: the wallet can do more or less than the offers in force say; others
// follow after Wait, unless it changes back.
type Due struct{ Wait time.Duration }

// Revealed: a taker proved its commitment and was shown coins.
type Revealed struct {
	Taker  protocol.Nick
	Offer  protocol.Offer
	Amount sats.Amount
	Coins  int
}

// Unused: a conversation in which coins were shown ended without a transaction
// to sign. They are shown again before others (attack M22).
type Unused struct {
	Taker  protocol.Nick
	Reason protocol.Reason
}

// Refused: a taker was not answered, and why.
type Refused struct {
	Taker  protocol.Nick
	Reason protocol.Reason
	Err    error // may name coins; for the user's eyes, not for a log
}

// Signed: a transaction was signed. It is not certain that it will be
// broadcast.
type Signed struct {
	Taker   protocol.Nick
	TxID    chainhash.Hash
	Amount  sats.Amount
	Earning sats.Amount // fee less contribution
}

// Seen: a signed transaction is on the network.
type Seen struct{ TxID chainhash.Hash }

// Earned: a signed transaction is in a block.
type Earned struct {
	TxID    chainhash.Hash
	Amount  sats.Amount
	Earning sats.Amount
	Fee     sats.Amount // what the taker paid; Earning and our contribution to the miner fee
	Coins   int         // of ours that it spends
	Value   sats.Amount // of these
	// Waited is how long it was on the network before; 0: that was not seen.
	Waited time.Duration
}

// Spent: coins promised to a signed transaction were spent by another one, so
// that it will not be mined.
type Spent struct{ TxID chainhash.Hash }

// Lost: there is no session with the daemon; the next try is after Wait.
type Lost struct {
	Err  error
	Wait time.Duration
}

func (Announced) event() {}
func (Due) event()       {}
func (Revealed) event()  {}
func (Unused) event()    {}
func (Refused) event()   {}
func (Signed) event()    {}
func (Seen) event()      {}
func (Earned) event()    {}
func (Spent) event()     {}
func (Lost) event()      {}
