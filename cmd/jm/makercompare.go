package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// comparison is how the offers of others of one type are, and ours among them.
// Fees are texts as announced. Half of the makers ask Median or less.
type comparison struct {
	Type     protocol.OfferType `json:"type"`
	Makers   int                `json:"makers"` // others with such an offer
	Quarter  string             `json:"fee_quarter"`
	Median   string             `json:"fee_median"`
	Most     string             `json:"fee_three_quarters"`
	MaxSize  sats.Amount        `json:"maxsize_median"`
	Mine     string             `json:"fee_mine,omitempty"` // empty: we have no such offer
	Cheaper  int                `json:"cheaper"`            // of the others, than ours
	SizeMine sats.Amount        `json:"maxsize_mine,omitempty"`
	Larger   int                `json:"larger"` // of the others, with a larger maxsize than ours
}

// compare compares our offers with those of others, each of whom counts once for
// each type, with its cheapest one.
func compare(others []control.OfferEntry, mine []protocol.Offer) []comparison {
	found := []comparison{}
	for _, kind := range []protocol.OfferType{protocol.SW0RelOffer, protocol.SW0AbsOffer} {
		cheapest := make(map[protocol.Nick]protocol.Offer)
		for _, o := range others {
			if best, has := cheapest[o.Nick]; o.Type == kind && (!has || price(o.Offer) < price(best)) {
				cheapest[o.Nick] = o.Offer
			}
		}
		if len(cheapest) == 0 {
			continue
		}
		var fees []protocol.Offer
		var sizes []sats.Amount
		for _, o := range cheapest {
			fees, sizes = append(fees, o), append(sizes, o.MaxSize)
		}
		slices.SortFunc(fees, func(x, y protocol.Offer) int { return cmp.Compare(price(x), price(y)) })
		slices.Sort(sizes)
		n := len(fees)
		c := comparison{
			Type: kind, Makers: n, Quarter: fees[(n-1)/4].CJFee, Median: fees[(n-1)/2].CJFee, Most: fees[(n-1)*3/4].CJFee,
			MaxSize: sizes[n/2],
		}
		if i := slices.IndexFunc(mine, func(o protocol.Offer) bool { return o.Type == kind }); i >= 0 {
			own := mine[i]
			c.Mine, c.SizeMine = own.CJFee, own.MaxSize
			for _, o := range fees {
				if price(o) < price(own) {
					c.Cheaper++
				}
				if o.MaxSize > own.MaxSize {
					c.Larger++
				}
			}
		}
		found = append(found, c)
	}
	return found
}

// price orders the fees of one type: that for all the money there is, where even
// the smallest fractions differ.
func price(o protocol.Offer) sats.Amount {
	fee, err := o.Fee(sats.Max)
	if err != nil {
		return sats.Max
	}
	return fee
}

// text says what the comparison suggests. To be the cheapest is no aim: takers
// choose at random within their limits, and by bonds.
func (c comparison) text() string {
	var b strings.Builder
	key := map[bool]string{true: "cjfee_r", false: "cjfee_a"}[c.Type.Relative()]
	fmt.Fprintf(&b, "%s: %d other makers; a quarter ask %s or less, half %s, three quarters %s; half take %s BTC or more\n",
		c.Type, c.Makers, c.Quarter, c.Median, c.Most, c.MaxSize.BTC())
	if c.Mine == "" {
		return b.String()
	}
	fmt.Fprintf(&b, "  yours: %s, %d of them are cheaper; up to %s BTC, %d of them take more\n", c.Mine, c.Cheaper, c.SizeMine.BTC(), c.Larger)
	switch {
	case 4*c.Cheaper > 3*c.Makers:
		fmt.Fprintf(&b, "  suggestion: you are dearer than three quarters, and beyond the limits of many takers: %s = %s\n", key, c.Median)
	case c.Cheaper == 0 && c.Mine != c.Quarter:
		fmt.Fprintf(&b, "  suggestion: nobody is cheaper, which earns you no more takers: %s = %s\n", key, c.Median)
	}
	if 4*c.Larger > 3*c.Makers {
		b.WriteString("  suggestion: three quarters take larger amounts; coins gathered in one mixdepth would let you in on more\n")
	}
	return b.String()
}
