package feerate

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// ErrShare means that a fee is too much for the amount that it moves.
var ErrShare = errors.New("miner fee above the limit for this amount")

// DefaultShare is the Share of payments where the user has not said otherwise.
const DefaultShare = 20

// Check refuses a fee that is above a limit of the policy: ErrAbsurd, ErrShare,
// or sats.ErrRange for one that cannot be. It is the last word on each
// transaction before it is signed, however its fee came about (attack T19).
// amount is what the transaction moves, without own change.
func (p Policy) Check(fee sats.Amount, vsize int64, amount sats.Amount) error {
	if !fee.Valid() || !amount.Valid() || vsize < 1 {
		return fmt.Errorf("a fee of %d sat for %d vB: %w", int64(fee), vsize, sats.ErrRange)
	}
	// Rounded down: 1410 sat for 141 vB is no more than the rate 10000. A valid
	// fee times 1000 fits into 63 bits.
	if err := p.checkRate(fee * 1000 / sats.Amount(vsize)); err != nil {
		return err
	}
	switch {
	case p.Max > 0 && fee > p.Max:
		return fmt.Errorf("%w: %v, limit %v", ErrShare, fee, p.Max)
	case p.Max == 0 && p.Share > 0 && fee > amount/100*sats.Amount(p.Share)+amount%100*sats.Amount(p.Share)/100:
		return fmt.Errorf("%w: %v for %v, limit %d %%", ErrShare, fee, amount, p.Share)
	}
	return nil
}

func (p Policy) checkRate(rate sats.Amount) error {
	if p.Absurd > 0 && rate > p.Absurd {
		return fmt.Errorf("%w: %d sat/kvB, limit %d", ErrAbsurd, int64(rate), int64(p.Absurd))
	}
	return nil
}
