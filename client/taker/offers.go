package taker

import (
	"cmp"
	"math"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/internal/random"
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
}

// Chooser picks one of the candidates, which are sorted by fee and of distinct
// nicks; wanted is how many makers are asked for in all. It returns an index.
type Chooser func(candidates []Candidate, wanted int) int

// RandomUnderMax picks any candidate with the same chance.
func RandomUnderMax(candidates []Candidate, _ int) int { return random.N(len(candidates)) }

// Cheapest picks the candidate with the lowest fee. Whoever offers the lowest
// fees then learns of every attempt (attack T15).
func Cheapest([]Candidate, int) int { return 0 }

// Weighted prefers low fees: the chance falls exponentially with the fee, by
// the factor e over the distance between the lowest fee and that of the 3n-th
// next candidate, n being the number wanted (spec: choosers).
func Weighted(candidates []Candidate, wanted int) int {
	far := len(candidates) - 1
	if len(candidates) > 3*wanted {
		far = 3 * wanted
	}
	lowest := candidates[0].Fee
	phi := float64(candidates[far].Fee - lowest)
	weights, total := make([]float64, len(candidates)), 0.0
	for i, c := range candidates {
		weights[i] = 1
		if phi > 0 {
			weights[i] = math.Exp(-float64(c.Fee-lowest) / phi)
		}
		total += weights[i]
	}
	left := random.Float64() * total
	for i, w := range weights {
		if left -= w; left < 0 {
			return i
		}
	}
	return len(candidates) - 1
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
	var order []protocol.Nick
	for _, entry := range book {
		o := entry.Offer
		if o.Validate() != nil || o.Type != protocol.SW0RelOffer && o.Type != protocol.SW0AbsOffer ||
			o.MinSize >= f.below || o.MaxSize <= f.above || o.TxFee > maxContribution || slices.Contains(f.exclude, entry.Nick) {
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
		known, seen := best[entry.Nick]
		if !seen {
			order = append(order, entry.Nick)
		}
		if !seen || fee < known.Fee {
			best[entry.Nick] = Candidate{entry.Nick, o, fee}
		}
	}
	var out []Candidate
	for _, nick := range order {
		out = append(out, best[nick])
	}
	slices.SortStableFunc(out, func(a, b Candidate) int { return cmp.Compare(a.Fee, b.Fee) })
	return out
}

// pick moves n candidates, chosen by the chooser for wanted in all, from the
// list to chosen. ok is false when the list is too short.
func (t *Taker) pick(list []Candidate, n, wanted int) (chosen, rest []Candidate, ok bool) {
	if n > len(list) {
		return nil, list, false
	}
	rest = slices.Clone(list)
	for range n {
		i := t.cfg.Chooser(rest, wanted)
		chosen = append(chosen, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	return chosen, rest, true
}
