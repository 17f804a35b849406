// Package schedule has lists of payments that are made one after the other, in
// the text form of the reference implementation: the file that sendpayment -S
// and the tumbler read (spec: schedules).
package schedule

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Destinations that are no address.
const (
	// Internal stands for a fresh internal address of the next mixdepth.
	Internal = "INTERNAL"
	// Ask stands for an address that the user will be asked for.
	Ask = "addrask"
)

// NoRounding is the number of figures that means: not rounded.
const NoRounding = 16

// MinFraction is what a fraction of a balance comes to at least (spec:
// constants, MINCJ).
const MinFraction sats.Amount = 100_000

// MaxWait is the longest pause after a payment.
const MaxWait = 366 * 24 * time.Hour

// Entry is one payment.
type Entry struct {
	Mixdepth    int // that pays
	Amount      Amount
	Makers      int           // how many are asked, 0..protocol.MaxMakers
	Destination string        // an address of the network, Internal or Ask
	Wait        time.Duration // the pause once it is confirmed, whole milliseconds up to MaxWait
	Rounding    int           // significant figures of a fractional amount, 0..NoRounding
	TxID        string        // hex, once the network shows the transaction
	Done        bool          // confirmed; a file then has no TxID
}

// Amount is what is paid: everything in the mixdepth for the zero value.
type Amount struct {
	Sats sats.Amount
	// Fraction of the mixdepth's balance, 0..1, a plain decimal with a point;
	// empty if Sats says it.
	Fraction string
}

// Share is a fraction of a balance, 0..1, to 16 places.
func Share(r *big.Rat) Amount {
	scaled, _ := new(big.Rat).SetString(r.FloatString(16))
	return Amount{Fraction: decimalText(scaled)}
}

// decimalText writes a number that has an end in decimals.
func decimalText(r *big.Rat) string {
	digits, _ := r.FloatPrec()
	return r.FloatString(max(digits, 1))
}

// Sweep reports that everything is paid.
func (a Amount) Sweep() bool { return a == Amount{} }

// ErrNoAmount means that a sweep, whose amount shows only once makers are
// chosen, was asked for its amount.
var ErrNoAmount = errors.New("everything is to be sent")

// Of returns the amount for a mixdepth with this balance: a fraction is rounded
// to so many figures and is at least least (spec: resolving an entry). It may
// come to more than the balance. The errors are ErrNoAmount, decimal.ErrText and
// sats.ErrRange.
func (a Amount) Of(balance sats.Amount, figures int, least sats.Amount) (sats.Amount, error) {
	switch {
	case a.Sweep():
		return 0, ErrNoAmount
	case a.Fraction == "":
		return a.Sats, nil
	}
	fraction, err := decimal.Parse(a.Fraction)
	if err != nil {
		return 0, fmt.Errorf("fraction of a balance: %w", err)
	}
	amount, err := decimal.Floor(fraction, balance)
	if err != nil {
		return 0, err
	}
	return max(Round(amount, figures), least), nil
}

// Round rounds an amount, 0..sats.Max, to so many significant figures, halves to
// even. With 0 figures that is 0; with NoRounding or more it is the amount.
func Round(amount sats.Amount, figures int) sats.Amount {
	if figures >= NoRounding {
		return amount
	}
	unit := sats.Amount(1)
	for top := amount; top > 0; top /= 10 {
		if figures--; figures < 0 {
			unit *= 10
		}
	}
	down := amount / unit * unit
	switch rest := amount - down; {
	case 2*rest > unit, 2*rest == unit && down/unit%2 == 1:
		return down + unit
	}
	return down
}
