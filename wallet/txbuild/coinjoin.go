package txbuild

import (
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Maker is what a counterparty brings into a CoinJoin and takes out of it.
type Maker struct {
	Inputs   []Input
	CJScript []byte      // receives the CoinJoin amount
	Change   []byte      // receives ChangeValue
	Fee      sats.Amount // what the taker pays it
	TxFee    sats.Amount // what it adds to the miner fee
}

// ChangeValue is what the maker gets back: its inputs minus amount and TxFee
// plus Fee. It may be negative when the inputs are not enough; the error is
// sats.ErrRange.
func (m Maker) ChangeValue(amount sats.Amount) (sats.Amount, error) {
	in, err := sumInputs(m.Inputs)
	if err != nil || !amount.Valid() || !m.Fee.Valid() || !m.TxFee.Valid() {
		return 0, sats.ErrRange
	}
	return in - amount - m.TxFee + m.Fee, nil
}

// CoinJoin is a transaction in which the taker and every maker receive Amount.
type CoinJoin struct {
	Amount      sats.Amount
	Inputs      []Input // the taker's
	Destination []byte  // receives the taker's Amount
	// Change receives what is left of the taker's inputs, if it is more than
	// Dust. nil for a sweep, where what is left goes to the miner.
	Change   []byte
	Makers   []Maker
	Rate     sats.Amount // sat/kvB
	LockTime uint32
}

// Build makes the transaction (spec: building the transaction): version 2, no
// replacement, inputs and outputs in random order. The taker pays every maker's
// Fee and what of the miner fee the makers do not contribute; if they
// contribute more, the miner gets it.
//
// The caller has checked that each maker's change is large enough for the
// maker, and judges the resulting Fee.
func (c CoinJoin) Build() (*Tx, error) {
	inputs := slices.Clone(c.Inputs)
	outputs := []Output{{c.Amount, c.Destination}}
	var contributed sats.Amount
	for i, m := range c.Makers {
		change, err := m.ChangeValue(c.Amount)
		if err != nil || change <= 0 {
			return nil, fmt.Errorf("change %d of maker %d: %w", change, i, sats.ErrRange)
		}
		inputs = append(inputs, m.Inputs...)
		outputs = append(outputs, Output{c.Amount, m.CJScript}, Output{change, m.Change})
		contributed += m.TxFee
	}
	// The reference reckons with outputs that are all of the destination's type:
	// where that is not the makers', the rate would tell us from it (attack P1).
	needed := func(outputs []Output) (sats.Amount, error) {
		alike := slices.Clone(outputs)
		for i := range alike {
			alike[i].Script = c.Destination
		}
		return feeOf(inputs, alike, c.Rate)
	}
	return finish(inputs, outputs, c.Change, needed, contributed, NoRBF, c.LockTime)
}
