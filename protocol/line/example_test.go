package line_test

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// What a maker says in the room is split into groups, and each is one message.
func Example() {
	groups, err := line.Split("!sw0reloffer 0 100000 79000000 0 0.00002!cancel 1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, group := range groups {
		m, err := line.Parse(group)
		switch m := m.(type) {
		case line.Offer:
			fmt.Println("offer", m.ID, "up to", m.MaxSize.BTC(), "BTC for", m.CJFee)
		case line.Cancel:
			fmt.Println("no more offer", m.ID)
		default:
			fmt.Println(m, err)
		}
	}
	// Output:
	// offer 0 up to 0.79000000 BTC for 0.00002
	// no more offer 1
}

// What is written has one form only.
func ExampleAppend() {
	offer := line.Offer{Offer: protocol.Offer{Type: protocol.SW0AbsOffer, ID: 1, MinSize: 100_000, MaxSize: 50_000_000, CJFee: "500"}}
	out := line.Append(nil, offer)
	out = line.Append(out, line.Cancel{ID: 0})
	fmt.Printf("%s\n", out)
	// Output: !sw0absoffer 1 100000 50000000 0 500!cancel 0
}

// An error names the field at fault and repeats nothing of what a stranger wrote.
func ExampleParse() {
	_, err := line.Parse("fill 0 +50000000 00 P00")
	var refused *line.Error
	fmt.Println(errors.As(err, &refused))
	fmt.Println(err)
	// Output:
	// true
	// fill: amount: not a whole number in range
}
