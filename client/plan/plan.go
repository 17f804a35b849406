// Package plan carries out a schedule of CoinJoins, over hours or weeks and over
// any number of interruptions: it keeps on the disk which payment is where, tries
// again what failed, and pauses with a reason rather than giving up.
//
// Where a payment goes is fixed when the plan is made, and each is paid once
// (attack T24): before a signed transaction leaves, the plan has its id on the
// disk, and from then on the chain decides whether it counts. Only when it can
// not be mined any more is the payment tried again.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Plan is a schedule and how far it is. A Keeper has it on the disk.
type Plan struct {
	Wallet  string // wallet.Wallet.ID of the wallet that pays
	Network string
	Made    time.Time
	// Tumble: a payment that failed is tried again with other amounts or fewer
	// makers, as package tumbler says. Otherwise it is repeated as it is.
	Tumble bool
	// MinMakers is with how many makers a payment is made at least,
	// 1..protocol.MaxMakers.
	MinMakers int
	// Least is what a fraction of a balance comes to at least.
	Least sats.Amount
	Steps []Step
}

// Step is a payment and how far it is.
type Step struct {
	schedule.Entry
	// Tries that failed since the plan was started or resumed, and Why the last
	// one did; empty if none did.
	Tries int
	Why   protocol.Reason
	// Base is what the fractions of this mixdepth's payments refer to: its
	// balance before the first of them. 0: not known yet.
	Base sats.Amount
	// Address is where the payment goes, once that is known. A fresh one is taken
	// for schedule.Internal when makers may have seen the last.
	Address string
	// Sent are the transactions of the payment that left, or may have left,
	// before TxID and TxID itself, which is the last. Any of them can be mined, and
	// each spends a coin of every other, so that only one can.
	Sent []Sent
	// Ready is when the next payment may begin.
	Ready time.Time
}

// Sent is a signed transaction.
type Sent struct {
	TxID   string
	Spends []wire.OutPoint // its inputs, others' too
	At     time.Time
	// Given: the wallet had taken it to be sent, so that others may have it.
	Given bool
}

// Errors of a Plan.
var (
	ErrPlan = errors.New("not a plan")
	// ErrAddress: the address of a step is fixed already.
	ErrAddress = errors.New("the plan's destinations cannot be changed")
)

// Make makes a plan of a schedule of which nothing was done.
func Make(entries []schedule.Entry, p Plan) (*Plan, error) {
	p.Steps = make([]Step, len(entries))
	for i, e := range entries {
		if e.Done || e.TxID != "" {
			return nil, fmt.Errorf("%w: payment %d of the schedule was made already; remove it", ErrPlan, i+1)
		}
		p.Steps[i].Entry = e
	}
	return &p, p.check()
}

// maxSent bounds the transactions of a payment.
const maxSent = 100

func (p *Plan) check() error {
	switch {
	case len(p.Steps) == 0 || len(p.Steps) > schedule.MaxEntries:
		return fmt.Errorf("%w: %d payments: want 1 to %d", ErrPlan, len(p.Steps), schedule.MaxEntries)
	case p.MinMakers < 1 || p.MinMakers > protocol.MaxMakers:
		return fmt.Errorf("%w: at least %d makers: want 1 to %d", ErrPlan, p.MinMakers, protocol.MaxMakers)
	case !p.Least.Valid():
		return fmt.Errorf("%w: least amount %d", ErrPlan, p.Least)
	}
	for i, s := range p.Steps {
		switch {
		case s.Makers < p.MinMakers:
			return fmt.Errorf("%w: payment %d asks for %d makers, the least are %d (minimum_makers)", ErrPlan, i+1, s.Makers, p.MinMakers)
		case s.Amount.Sats > 0 && s.Amount.Sats < protocol.MinOfferSize:
			return fmt.Errorf("%w: payment %d is of %v: a CoinJoin has at least %v", ErrPlan, i+1, s.Amount.Sats, protocol.MinOfferSize)
		case s.TxID != "" && !slices.ContainsFunc(s.Sent, func(sent Sent) bool { return sent.TxID == s.TxID }):
			return fmt.Errorf("%w: nothing is known of the transaction of payment %d", ErrPlan, i+1)
		case len(s.Sent) > maxSent:
			return fmt.Errorf("%w: %d transactions of payment %d", ErrPlan, len(s.Sent), i+1)
		}
	}
	return nil
}

// SetAddress fixes the destination of a payment that the user was to be asked
// for. The errors are txbuild.ErrAddress, and ErrAddress if it is fixed already
// or another payment goes there.
func (p *Plan) SetAddress(i int, address string, params *chaincfg.Params) error {
	if p.Steps[i].Destination != schedule.Ask {
		return ErrAddress
	}
	if _, err := txbuild.ParseAddress(address, params); err != nil {
		return err
	}
	if slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Destination == address }) {
		return fmt.Errorf("%w: another payment goes to %s", ErrAddress, address)
	}
	p.Steps[i].Destination = address
	return nil
}

// Next returns the index of the first payment that is not done, and false if
// all are.
func (p *Plan) Next() (int, bool) {
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return !s.Done })
	return i, i >= 0
}

// Seal is a checksum of what a plan never changes: who pays, from where, and to
// whom. A destination that the user was to be asked for changes it once.
func (p *Plan) Seal() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", p.Wallet, p.Network)
	for _, s := range p.Steps {
		fmt.Fprintf(h, "%d %s\n", s.Mixdepth, s.Destination)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// Schedule is the plan in the form that the reference reads.
func (p *Plan) Schedule() []schedule.Entry {
	entries := make([]schedule.Entry, len(p.Steps))
	for i, s := range p.Steps {
		entries[i] = s.Entry
	}
	return entries
}

// Write prints the plan for a person, a line for each payment.
func (p *Plan) Write(w io.Writer) error {
	for i, s := range p.Steps {
		if _, err := fmt.Fprintf(w, "%3d  mixdepth %d  %s  %2d makers  to %s%s\n",
			i+1, s.Mixdepth, s.amountText(), s.Makers, s.to(), s.state()); err != nil {
			return err
		}
	}
	return nil
}

func (s Step) amountText() string {
	text := ""
	switch {
	case s.Amount.Sweep():
		text = "everything"
	case s.Amount.Fraction != "":
		percent, err := s.Amount.Of(10_000, schedule.NoRounding, 0)
		if err != nil {
			return s.Amount.Fraction
		}
		text = fmt.Sprintf("about %d.%02d %%", percent/100, percent%100)
	default:
		text = s.Amount.Sats.BTC() + " BTC"
	}
	return fmt.Sprintf("%15s", text)
}

func (s Step) to() string {
	switch s.Destination {
	case schedule.Internal:
		return "the next mixdepth"
	case schedule.Ask:
		return "an address you will be asked for"
	}
	return s.Destination
}

func (s Step) state() string {
	switch {
	case s.Done:
		return "  done"
	case s.TxID != "":
		return "  waiting for the chain: " + s.TxID
	case s.Tries == 1:
		return fmt.Sprintf("  failed once: %s", s.Why)
	case s.Tries > 1:
		return fmt.Sprintf("  failed %d times: %s", s.Tries, s.Why)
	}
	minutes := s.Wait.Round(time.Minute) / time.Minute
	switch {
	case minutes == 0:
		return ""
	case minutes < 60:
		return fmt.Sprintf(", then a pause of %d min", minutes)
	}
	return fmt.Sprintf(", then a pause of %d h %d min", minutes/60, minutes%60)
}
