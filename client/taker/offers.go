package taker

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Candidate is an offer that may be chosen.
type Candidate struct {
	Nick  protocol.Nick
	Offer protocol.Offer
	// Fee is what the offer costs for the amount: less the maker's contribution
	// to the miner fee, unless everything is sent.
	Fee sats.Amount
	// Bond is the value of the maker's fidelity bond, which our own node has
	// seen; 0: none. It is no amount of money.
	Bond float64
}

// maxContribution is the greatest contribution to the miner fee, in sat, that an
// offer is believed: none will pay more, but with the promise an offer would
// look cheaper than all others.
const maxContribution sats.Amount = 1_000_000

// filter says which offers of the book are candidates.
type filter struct {
	amount  sats.Amount // to which fees and the relative limit refer
	below   sats.Amount // MinSize must be below this
	above   sats.Amount // MaxSize must be above this
	gross   bool        // count fees without the makers' contribution
	exclude []protocol.Nick
	bonds   map[protocol.Nick]ProvenBond
}

// candidates returns the cheapest allowed offer of each nick, sorted by fee.
// Only offers of P2WPKH makers count; size bounds are strict on the taker's
// side, so that a rounding never takes an amount out of an offer (spec:
// filter).
func (t *Taker) candidates(book []control.OfferEntry, f filter) []Candidate {
	relative, err := decimal.Floor(t.maxRel, f.amount) // fees are whole: above it is above the product
	if err != nil {
		relative = sats.Max
	}
	best := map[protocol.Nick]Candidate{}
	for _, entry := range book {
		o := entry.Offer
		if !drawable(o) || o.MinSize >= f.below || o.MaxSize <= f.above || o.TxFee > maxContribution || slices.Contains(f.exclude, entry.Nick) {
			continue
		}
		fee, err := o.Fee(f.amount)
		if err != nil {
			continue
		}
		if !f.gross {
			fee -= o.TxFee
		}
		if fee > t.cfg.Limits.Abs && fee > relative {
			continue
		}
		if known, seen := best[entry.Nick]; !seen || fee < known.Fee {
			best[entry.Nick] = Candidate{entry.Nick, o, fee, f.bonds[entry.Nick].Value}
		}
	}
	var out []Candidate
	for _, entry := range book { // in its order, each nick once
		if c, ok := best[entry.Nick]; ok {
			out = append(out, c)
			delete(best, entry.Nick)
		}
	}
	slices.SortStableFunc(out, func(a, b Candidate) int { return cmp.Compare(a.Fee, b.Fee) })
	return onePerBond(out, f.bonds)
}

// drawable reports whether an offer is one that the taker of a native wallet may
// draw.
func drawable(o protocol.Offer) bool {
	return o.Validate() == nil && (o.Type == protocol.SW0RelOffer || o.Type == protocol.SW0AbsOffer)
}

// onePerBond leaves, of several nicks with one bond, the cheapest: they are one
// operator, which is to have one place (attack T13).
func onePerBond(sorted []Candidate, bonds map[protocol.Nick]ProvenBond) []Candidate {
	taken := map[wire.OutPoint]bool{}
	return slices.DeleteFunc(sorted, func(c Candidate) bool {
		bond, ok := bonds[c.Nick]
		if !ok {
			return false
		}
		twice := taken[bond.OutPoint]
		taken[bond.OutPoint] = true
		return twice
	})
}
