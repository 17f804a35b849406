package taker

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Journal is where attempts are written down; *journal.Store is one.
type Journal interface {
	// Write is called twice for an attempt: before anything of it has left, with
	// Ended zero, and when it is over.
	Write(Record) error
}

// Record is what is told of an attempt for good. It names no coin, no address
// and no transaction that cannot have left.
type Record struct {
	ID      string    `json:"id"`                 // 8 hex digits
	RetryOf string    `json:"retry_of,omitempty"` // the attempt that makers spoiled
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"` // zero while it is at work, or if it was cut off

	Mixdepth int         `json:"mixdepth"`
	Amount   sats.Amount `json:"amount"` // 0: a sweep whose amount was never known
	Sweep    bool        `json:"sweep,omitempty"`
	Wanted   int         `json:"makers_wanted"`
	Makers   int         `json:"makers,omitempty"`   // in the transaction
	MaxCost  sats.Amount `json:"max_cost,omitempty"` // that was approved; 0 before
	Cost     sats.Amount `json:"cost,omitempty"`     // of the transaction, beyond the amount
	TxID     string      `json:"txid,omitempty"`

	// Reason is empty after success, and while Ended is zero.
	Reason  protocol.Reason `json:"reason,omitempty"`
	Failed  Step            `json:"failed_step,omitempty"`
	Error   string          `json:"error,omitempty"`
	Dropped []Dropped       `json:"dropped_makers,omitempty"`
	Steps   []StepTime      `json:"steps,omitempty"`
}

// maxRecordError bounds Record.Error, in bytes.
const maxRecordError = 1000

// newID draws an attempt's id.
func newID() string {
	var id [4]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// record is what is to be told of the attempt; it is over if ended is not zero.
func (a *attempt) record(pl *plan, ended time.Time, failure *Error) Record {
	r := Record{
		ID: a.result.ID, RetryOf: a.retryOf, Began: a.start, Ended: ended,
		Mixdepth: a.payment.Mixdepth, Amount: a.payment.Amount, Sweep: a.payment.Amount == 0, Wanted: a.payment.Makers,
		Cost: a.result.Cost(), Dropped: a.result.Dropped, Steps: a.result.Steps,
	}
	if pl != nil {
		r.Amount, r.Wanted, r.MaxCost = pl.Amount, len(pl.Makers), pl.MaxCost()
	}
	if parts := len(a.result.Parts); parts > 0 {
		r.Makers = parts - 1
	}
	if failure != nil {
		r.Reason, r.Failed, r.Error = failure.Reason, failure.Step, failure.Err.Error()
		r.Error = r.Error[:min(len(r.Error), maxRecordError)]
	}
	if a.signed || failure == nil && !ended.IsZero() {
		r.TxID = a.result.TxID()
	}
	return r
}

// note writes the attempt down; an error matters only before it has begun.
func (a *attempt) note(r Record) error {
	if a.cfg.Journal == nil {
		return nil
	}
	if err := a.cfg.Journal.Write(r); err != nil {
		a.cfg.Logger.Warn("the journal of attempts cannot be written", "err", err)
		return fmt.Errorf("writing the journal of attempts: %w", err)
	}
	return nil
}
