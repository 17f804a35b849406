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
	MinMakers   int          // with how many of them the attempt goes on
	Inputs      []coins.Coin // own coins, set aside for this attempt
	CJFee       sats.Amount  // to all makers together
	FeeRate     sats.Amount  // sat/kvB
	// MinerFee is our estimated share of the miner fee, MaxMinerFee what it can
	// come to in the end: makers may bring more coins than usual, and change of
	// up to txbuild.Dust is left to the miner.
	MinerFee, MaxMinerFee sats.Amount
	Change                sats.Amount // estimated; 0: none
}

// QuotedMaker is a maker that will be asked.
type QuotedMaker struct {
	Nick  protocol.Nick
	Offer protocol.Offer
	Fee   sats.Amount // what it is paid
}

// MaxCost is the most that the attempt can take from the wallet beyond Amount.
func (q Quote) MaxCost() sats.Amount { return q.CJFee + q.MaxMinerFee }

// AnonymitySet is the number of equal outputs if every maker answers.
func (q Quote) AnonymitySet() int { return len(q.Makers) + 1 }

// Result is what came of an attempt. After a failure it has what is known.
type Result struct {
	// Tx is the signed transaction, nil before all signatures were there. When
	// the attempt ended as protocol.ReasonUnseen the user may broadcast it.
	Tx       *wire.MsgTx
	Amount   sats.Amount
	MinerFee sats.Amount // of the whole transaction
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
	Nick   protocol.Nick
	Step   Step
	Reason protocol.Reason
	Text   string // details for the user; may quote the maker, escaped
}

// StepTime is how long a step took.
type StepTime struct {
	Step Step
	Took time.Duration
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
	case errors.Is(err, txbuild.ErrAddress):
		return protocol.ReasonBadAddress
	case errors.Is(err, chain.ErrRejected):
		return protocol.ReasonRejected
	case errors.Is(err, chain.ErrUnreachable), errors.Is(err, chain.ErrNoEstimate), errors.Is(err, wallet.ErrNotSynced):
		return protocol.ReasonChain
	}
	return protocol.ReasonInternal
}
