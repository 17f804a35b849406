package taker

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Standing is how a maker of the order book fares with takers who draw by
// BondWeighted, for an amount that all makers can serve.
type Standing struct {
	Nick protocol.Nick
	Bond *ProvenBond // nil: none that counts
	// Twin says that another nick has the same bond, and the place of both.
	Twin   bool
	Share  float64 // the chance in a single draw
	Chance float64 // the chance to be among those wanted, by a sample
}

// Value is that of the bond, 0 for none.
func (s Standing) Value() float64 {
	if s.Bond == nil {
		return 0
	}
	return s.Bond.Value
}

// Survey says how the makers fare of whom the taker of a native wallet draws
// when it wants so many, with the bonds that are proven. The greatest bond comes
// first.
func Survey(offers []control.OfferEntry, bonds map[protocol.Nick]ProvenBond, wanted int, bondless float64) (all []Standing) {
	seen, taken := map[protocol.Nick]bool{}, map[wire.OutPoint]bool{}
	for _, o := range offers {
		if seen[o.Nick] || !drawable(o.Offer) {
			continue
		}
		seen[o.Nick] = true
		s := Standing{Nick: o.Nick}
		if b, ok := bonds[o.Nick]; ok {
			s.Bond, s.Twin = &b, taken[b.OutPoint]
			taken[b.OutPoint] = true
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(b.Value(), a.Value()), cmp.Compare(a.Nick, b.Nick))
	})
	values := Rivals(all)
	chances := map[float64]float64{} // by the value of the bond
	for i := range all {
		s := &all[i]
		if s.Twin {
			continue
		}
		at := slices.Index(values, s.Value())
		others := slices.Delete(slices.Clone(values), at, at+1)
		chance, known := chances[s.Value()]
		if !known {
			chance = NewOdds(others, wanted, bondless).Chance(s.Value())
			chances[s.Value()] = chance
		}
		s.Share, s.Chance = Share(s.Value(), others, bondless), chance
	}
	return all
}

// Rivals are the values of the bonds of those that have a place, 0 for none.
func Rivals(all []Standing) (values []float64) {
	for _, s := range all {
		if !s.Twin {
			values = append(values, s.Value())
		}
	}
	return values
}
