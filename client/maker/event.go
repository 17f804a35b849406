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
// too little.
type Announced struct{ Offers []protocol.Offer }

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
func (Refused) event()   {}
func (Signed) event()    {}
func (Seen) event()      {}
func (Earned) event()    {}
func (Spent) event()     {}
func (Lost) event()      {}
