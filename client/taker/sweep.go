package taker

import (
	"math/big"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// chooseSweep picks n candidates for sending total, with minerFee for the
// miner, and solves for the amount. Makers for whose sizes the amount turns out
// to be out of range are replaced (spec: sweep selection). rest are those not
// picked; ok is false when too few are left.
func (t *Taker) chooseSweep(list []Candidate, n int, total, minerFee sats.Amount) (
	chosen, rest []Candidate, amount sats.Amount, ok bool, err error) {
	for rest = list; ; {
		var picked []Candidate
		if picked, rest, ok, err = t.pick(rest, n-len(chosen), n); !ok || err != nil {
			return nil, nil, 0, false, err
		}
		chosen = append(chosen, picked...)
		if amount, ok = solveSweep(chosen, total, minerFee); !ok {
			return nil, nil, 0, false, nil
		}
		fits := slices.DeleteFunc(slices.Clone(chosen), func(c Candidate) bool { return !c.fits(amount) })
		if len(fits) == n {
			return chosen, rest, amount, true, nil
		}
		chosen = fits
	}
}

// solveSweep returns the amount A for which A, the fees on it and our share of
// the miner fee make up total:
//
//	A = (total - max(minerFee - txfees, 0) - absolute fees) / (1 + relative fees)
//
// rounded half to even. A few satoshis, of either sign, may be left over; they
// change the miner fee.
func solveSweep(makers []Candidate, total, minerFee sats.Amount) (amount sats.Amount, ok bool) {
	share, left, divisor := minerFee, total, big.NewRat(1, 1)
	for _, m := range makers {
		share -= m.Offer.TxFee
		fee, valid := new(big.Rat).SetString(m.Offer.CJFee) // checked by Offer.Validate
		if !valid {
			return 0, false
		}
		if m.Offer.Type.Relative() {
			divisor.Add(divisor, fee)
		} else {
			left -= sats.Amount(fee.Num().Int64())
		}
	}
	if left -= max(share, 0); left <= 0 {
		return 0, false
	}
	amount, err := decimal.Round(new(big.Rat).Quo(decimal.Of(left), divisor))
	return amount, err == nil && amount > 0
}
