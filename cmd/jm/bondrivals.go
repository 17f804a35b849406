package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// maxBookFile bounds a file with an order book, in bytes.
const maxBookFile = 64 << 20

// rivals are the makers that a bond would stand beside.
type rivals struct {
	all      []float64 // the bonds of all of them, 0 for none
	bonds    []float64 // without those, ascending
	wanted   int
	bondless float64
	odds     *taker.Odds
}

func newRivals(all []float64, wanted int, bondless float64) *rivals {
	r := &rivals{all: all, wanted: wanted, bondless: bondless, odds: taker.NewOdds(all, wanted, bondless)}
	r.bonds = slices.DeleteFunc(slices.Clone(all), func(v float64) bool { return v == 0 })
	slices.Sort(r.bonds)
	return r
}

// place is how a bond would stand among the makers.
type place struct {
	Rank   int     `json:"rank"` // 1: the most valuable
	Of     int     `json:"of"`   // bonds, this one included
	Top    *int    `json:"top,omitempty"`
	Share  float64 `json:"share"`
	Chance float64 `json:"chance"`
}

func (r *rivals) place(value float64) place {
	above := 0
	for _, v := range r.bonds {
		if v > value {
			above++
		}
	}
	return place{
		Rank: 1 + above, Of: 1 + len(r.bonds), Top: top(r.bonds, value),
		Share: taker.Share(value, r.all, r.bondless), Chance: r.odds.Chance(value),
	}
}

// top says in which hundredths of the bonds one would be, as the reference
// computes it: 100 less the number of percentiles, 1 to 99, below it. nil: they
// are too few for percentiles.
func top(sorted []float64, value float64) *int {
	n := len(sorted)
	if n < 2 {
		return nil
	}
	t := 100
	for i := 1; i <= 99; i++ {
		j, d := i*(n-1)/100, float64(i*(n-1)%100)
		if (sorted[j]*(100-d)+sorted[j+1]*d)/100 < value {
			t--
		}
	}
	return &t
}

// bookFile is what is read of a file with an order book: what jm orderbook
// --json prints, or what the order book page of the reference exports.
type bookFile struct {
	Offers []struct {
		Nick         protocol.Nick      `json:"nick"`
		Counterparty protocol.Nick      `json:"counterparty"`
		Type         protocol.OfferType `json:"type"`
		OrderType    protocol.OfferType `json:"ordertype"`
	} `json:"offers"`
	FidelityBonds []struct {
		Nick  protocol.Nick `json:"counterparty"`
		Coin  bookCoin      `json:"utxo"`
		Value *float64      `json:"bond_value"` // null: unknown
	} `json:"fidelitybonds"`
	Unverified string `json:"bonds_unverified"`
}

// readBook returns the bonds in a file, but that of one coin: one does not compete
// with oneself.
func readBook(path string, own bookCoin) ([]float64, error) {
	data, err := durable.ReadFile(path, maxBookFile)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	var book bookFile
	if err := json.Unmarshal(data, &book); err != nil {
		return nil, usagef("%s is no order book as jm orderbook --json prints it: %w", path, err)
	}
	if book.Unverified != "" {
		return nil, usagef("%s has no bonds: they were unverified then (%s)", path, oneLine(book.Unverified))
	}
	var bonds []bookBond
	for _, b := range book.FidelityBonds {
		if b.Value != nil {
			bonds = append(bonds, bookBond{Nick: b.Nick, Coin: b.Coin, Value: *b.Value})
		}
	}
	var nicks []protocol.Nick
	for _, o := range book.Offers {
		if kind := o.Type + o.OrderType; kind.Valid() && kind.Script() == "p2wpkh" {
			nicks = append(nicks, o.Nick+o.Counterparty)
		}
	}
	if len(nicks) == 0 {
		return nil, usagef("%s has no offers", path)
	}
	return otherBonds(nicks, bonds, own), nil
}

// otherBonds are the values of the bonds of makers, 0 for none, each bond and
// each maker once.
func otherBonds(nicks []protocol.Nick, bonds []bookBond, own bookCoin) (values []float64) {
	const left = -1 // a maker whose bond is our own, or that of another nick too
	worth, seen := map[protocol.Nick]float64{}, map[bookCoin]bool{own: own != bookCoin{}}
	for _, b := range bonds {
		switch {
		case b.Value <= 0:
		case seen[b.Coin]:
			worth[b.Nick] = left
		default:
			worth[b.Nick], seen[b.Coin] = b.Value, b.Coin != bookCoin{}
		}
	}
	counted := map[protocol.Nick]bool{}
	for _, nick := range nicks {
		if !counted[nick] && worth[nick] != left {
			values = append(values, worth[nick])
		}
		counted[nick] = true
	}
	return values
}

// others are the bonds of the makers seen now, but that of one coin.
func (v *marketView) others(own bookCoin) ([]float64, error) {
	if v.Unverified != "" {
		return nil, withCode(exitNode, fmt.Errorf("the bonds of other makers cannot be verified: %s", v.Unverified))
	}
	var nicks []protocol.Nick
	for _, m := range v.Makers {
		nicks = append(nicks, m.Nick)
	}
	return otherBonds(nicks, v.FidelityBonds, own), nil
}
