package sats_test

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// A number with a point is in bitcoin, one without in satoshis.
func ExampleParse() {
	for _, text := range []string{"250000", "0.0025", "2.5btc", "1000 BTC", "0.00000001"} {
		amount, err := sats.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(amount, "=", amount.BTC(), "BTC")
	}
	// Output:
	// 250 000 sat = 0.00250000 BTC
	// 250 000 sat = 0.00250000 BTC
	// 250 000 000 sat = 2.50000000 BTC
	// not an amount of bitcoin: "1000 BTC" (write 250000, 250000sat, 0.0025 or 0.0025btc)
	// 1 sat = 0.00000001 BTC
}

// Sums of what others claim are checked at each step.
func ExampleSum() {
	total, err := sats.Sum(25_000_000, 500, 1_401)
	fmt.Println(total, err)
	_, err = sats.Sum(sats.Max, 1)
	fmt.Println(err)
	// Output:
	// 25 001 901 sat <nil>
	// amount out of range
}

func ExampleParseFeeRate() {
	rate, err := sats.ParseFeeRate("2.5 sat/vB")
	fmt.Println(rate, err)
	// Output: 2500 sat/kvB (2.5 sat/vB) <nil>
}
