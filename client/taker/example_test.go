package taker_test

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/client/taker"
)

// A chooser is a law by which makers are drawn. One draw in eight does not look
// at bonds.
func ExampleBondWeighted() {
	law := taker.BondWeighted(0.125)
	weights := law([]taker.Candidate{{Nick: "a", Bond: 3e8}, {Nick: "b", Bond: 1e8}, {Nick: "c"}, {Nick: "d"}}, 2)
	for i, w := range weights {
		fmt.Printf("%c %.3f\n", 'a'+i, w)
	}
	// Output:
	// a 0.688
	// b 0.250
	// c 0.031
	// d 0.031
}

// What a bond is good for: the chance to be one of the three makers of a
// CoinJoin, beside four others.
func ExampleOdds() {
	others := []float64{3e8, 1e8, 0, 0}
	odds := taker.NewOdds(others, 3, 0.125) // by a sample of what others draw
	fmt.Println("without a bond less than one of two:", odds.Chance(0) < 0.5)
	fmt.Println("with a good one more than two of three:", odds.Chance(1e8) > 0.67)
	fmt.Printf("of a single draw: %.3f\n", taker.Share(1e8, others, 0.125))
	needed, ok := odds.Needed(0.9)
	fmt.Println("nine of ten:", needed > 1e7, ok)
	// Output:
	// without a bond less than one of two: true
	// with a good one more than two of three: true
	// of a single draw: 0.200
	// nine of ten: true true
}
