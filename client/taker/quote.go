package taker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Quote is what an attempt will do and cost, before anything of it has left.
type Quote struct {
	Amount      sats.Amount // that the destination and every maker receive
	Destination string
	Sweep       bool // all coins of the mixdepth go, without change
	Makers      []QuotedMaker
	// Reserve are makers that take the place of others that do not do what they
	// should, in this order.
	Reserve   []QuotedMaker
	MinMakers int          // with how many the attempt goes on at least
	Inputs    []coins.Coin // own coins, set aside for this attempt
	CJFee     sats.Amount  // to all Makers together
	// MaxCJFee is what as many makers can cost if those of Reserve take part.
	MaxCJFee sats.Amount
	FeeRate  sats.Amount // sat/kvB
	// MinerFee is our estimated share of the miner fee, MaxMinerFee what it can
	// come to in the end: makers may bring more coins than usual, and change of
	// up to txbuild.Dust is left to the miner.
	MinerFee, MaxMinerFee sats.Amount
	Change                sats.Amount // estimated; 0: none
	// OddType: the destination's address is of another type than the makers', so
	// that everybody sees which of the equal outputs is the payment (attack P9).
	OddType bool
	Crowd   Crowd
	// Tries is how many attempts the coins are good for, this one included:
	// each uses up a commitment. NextTry is the block height from which a coin
	// that is too young now makes more of them; 0: none does.
	Tries   int
	NextTry int32
}

// Crowd says whom the makers were drawn from.
type Crowd struct {
	Makers int // that offer the amount within the limits, each operator known as one counted once
	Bonded int // of them, with a fidelity bond that our node knows
	// Chance is that of all makers being one operator, if one runs all makers
	// without a bond and the one with the weightiest (attack T13); 0 if they were
	// picked by hand.
	Chance float64
}

// QuotedMaker is a maker that will be asked.
type QuotedMaker struct {
	Nick  protocol.Nick
	Offer protocol.Offer
	Fee   sats.Amount // what it is paid
	Bond  float64     // value of its fidelity bond; 0: none
}

// MaxCost is the most that the attempt can take from the wallet beyond Amount.
func (q Quote) MaxCost() sats.Amount {
	if q.Sweep { // without change it is what is left, whoever gets it
		return coins.Sum(q.Inputs) - q.Amount
	}
	return q.MaxCJFee + q.MaxMinerFee
}

// AnonymitySet is the number of equal outputs if as many makers as are wanted
// take part.
func (q Quote) AnonymitySet() int { return len(q.Makers) + 1 }

// Result is what came of an attempt. After a failure it has what is known.
type Result struct {
	ID string // of the attempt
	// Earlier are attempts of the same Run that makers spoiled, in their order.
	Earlier []Record
	// Tx is the signed transaction, nil before all signatures were there. When
	// the attempt ended as protocol.ReasonUnseen the user may broadcast it.
	Tx       *wire.MsgTx
	Amount   sats.Amount
	MinerFee sats.Amount // of the whole transaction
	VSize    int64       // of the transaction in vB, estimated while it is not signed; 0 before there is one
	Parts    []Part      // who put in what; our own part first
	Dropped  []Dropped   // makers that were left out, in the order of events
	Steps    []StepTime
}

// TxID is the transaction's id in hex, empty without a transaction.
func (r Result) TxID() string {
	if r.Tx == nil {
		return ""
	}
	return r.Tx.TxHash().String()
}

// Cost is what the transaction takes from the wallet beyond Amount, 0 before
// there is one.
func (r Result) Cost() sats.Amount {
	if len(r.Parts) == 0 {
		return 0
	}
	return r.Parts[0].TxFee - r.Parts[0].CJFee
}

// Part is what one participant puts into the transaction and takes out.
type Part struct {
	Nick   protocol.Nick // empty: ourselves
	Inputs []txbuild.Input
	CJOut  []byte // output script that receives Amount
	Change txbuild.Output
	CJFee  sats.Amount // paid to a maker; for ourselves the sum, negative
	TxFee  sats.Amount // contributed to the miner fee
}

// Dropped is a maker that was left out.
type Dropped struct {
	At     time.Time       `json:"at"`
	Nick   protocol.Nick   `json:"nick"`
	Step   Step            `json:"step"`
	Reason protocol.Reason `json:"reason"`
	Text   string          `json:"text,omitempty"` // details for the user; may quote the maker, escaped
}

// StepTime is when a step began and how long it took.
type StepTime struct {
	Step  Step          `json:"step"`
	Began time.Time     `json:"began"`
	Took  time.Duration `json:"duration_ns"`
}

// Error says why an attempt failed.
type Error struct {
	Step   Step
	Reason protocol.Reason
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%s): %v", e.Step, e.Reason, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// reasoned is an error whose reason is known.
type reasoned struct {
	reason protocol.Reason
	error
}

func (r reasoned) Unwrap() error { return r.error }

func because(reason protocol.Reason, err error) error { return reasoned{reason, err} }

// ReasonOf returns the one stable code for why an attempt ended with err.
func ReasonOf(err error) protocol.Reason {
	var known reasoned
	var whole *Error
	var none *commitments.NoneError
	switch {
	case errors.As(err, &whole):
		return whole.Reason
	case errors.As(err, &known):
		return known.reason
	case errors.As(err, &none):
		return protocol.ReasonNoCommitment
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return protocol.ReasonCancelled
	case errors.Is(err, coins.ErrFunds), errors.Is(err, txbuild.ErrFunds):
		return protocol.ReasonNoFunds
	case errors.Is(err, errTooBig), errors.Is(err, errFeeLimit):
		return protocol.ReasonFeeLimit
	case errors.Is(err, wallet.ErrMakerOnly):
		return protocol.ReasonMakerOnly
	case errors.Is(err, txbuild.ErrAddress):
		return protocol.ReasonBadAddress
	case errors.Is(err, chain.ErrRejected):
		return protocol.ReasonRejected
	case errors.Is(err, chain.ErrUnreachable), errors.Is(err, chain.ErrNoEstimate), errors.Is(err, wallet.ErrNotSynced):
		return protocol.ReasonChain
	}
	return protocol.ReasonInternal
}
