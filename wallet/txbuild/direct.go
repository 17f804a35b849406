package txbuild

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Direct is an ordinary payment without counterparties.
type Direct struct {
	Inputs []Input
	// Outputs are the payments. A single one of value 0 is a sweep: it receives
	// everything less the fee.
	Outputs []Output
	// Change receives what is left if it is more than Dust; nil for a sweep.
	Change   []byte
	Rate     sats.Amount // sat/kvB
	Sequence uint32      // RBF or NoRBF
	LockTime uint32
}

// Build makes the transaction. ErrFunds says how much is missing: coins chosen
// for Target can be too few when there are more than eight of them.
func (d Direct) Build() (*Tx, error) {
	sweep := len(d.Outputs) == 1 && d.Outputs[0].Value == 0
	if sweep != (d.Change == nil) {
		return nil, errors.New("a payment needs a change script, a sweep has none")
	}
	outputs := slices.Clone(d.Outputs)
	if sweep {
		fee, err := feeOf(d.Inputs, outputs, d.Rate)
		if err != nil {
			return nil, err
		}
		total, err := sumInputs(d.Inputs)
		if err != nil {
			return nil, err
		}
		outputs[0].Value = total - fee
	}
	for _, out := range outputs {
		if out.Value <= 0 {
			return nil, fmt.Errorf("%w: nothing left to pay", ErrFunds)
		}
	}
	return finish(d.Inputs, outputs, d.Change, d.Rate, 0, d.Sequence, d.LockTime)
}

// Target is the amount to select P2WPKH coins for, so that they cover a payment
// and its fee with change and up to eight inputs.
func (d Direct) Target() (sats.Amount, error) {
	outputs, err := outputTypes(append(slices.Clone(d.Outputs), Output{Script: d.Change}))
	if err != nil {
		return 0, err
	}
	fee, err := Fee(slices.Repeat([]ScriptType{P2WPKH}, 8), outputs, d.Rate)
	if err != nil {
		return 0, err
	}
	total, err := sumOutputs(d.Outputs)
	if err != nil {
		return 0, err
	}
	return sats.Sum(total, fee)
}
