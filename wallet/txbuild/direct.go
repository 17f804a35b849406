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

// Build makes the transaction, with the fee of the inputs and outputs that it
// has. Change that would be Dust or less is left to the miner. ErrFunds says how
// much is missing.
func (d Direct) Build() (*Tx, error) {
	sweep := len(d.Outputs) == 1 && d.Outputs[0].Value == 0
	if sweep != (d.Change == nil) {
		return nil, errors.New("a payment needs a change script, a sweep has none")
	}
	outputs, change := slices.Clone(d.Outputs), d.Change
	if sweep {
		left, err := d.left(outputs)
		if err != nil {
			return nil, err
		}
		outputs[0].Value = left
	}
	for _, out := range outputs {
		if out.Value <= 0 {
			return nil, fmt.Errorf("%w: nothing left to pay", ErrFunds)
		}
	}
	if !sweep {
		left, err := d.left(append(slices.Clone(outputs), Output{Script: change}))
		if err != nil {
			return nil, err
		}
		if left <= Dust {
			change = nil
		}
	}
	needed := func(outputs []Output) (sats.Amount, error) { return feeOf(d.Inputs, outputs, d.Rate) }
	tx, err := finish(d.Inputs, outputs, change, needed, 0, d.Sequence, d.LockTime)
	if err == nil && tx.Fee < tx.Needed {
		err = fmt.Errorf("%w: %v missing", ErrFunds, tx.Needed-tx.Fee)
	}
	if err != nil {
		return nil, err
	}
	return tx, nil
}

// left is what remains of the inputs after outputs and the fee; it may be
// negative.
func (d Direct) left(outputs []Output) (sats.Amount, error) {
	fee, err := feeOf(d.Inputs, outputs, d.Rate)
	if err != nil {
		return 0, err
	}
	in, err := sumInputs(d.Inputs)
	if err != nil {
		return 0, fmt.Errorf("inputs: %w", err)
	}
	out, err := sumOutputs(outputs)
	if err != nil {
		return 0, fmt.Errorf("outputs: %w", err)
	}
	return in - out - fee, nil
}
