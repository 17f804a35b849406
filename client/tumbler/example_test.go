package tumbler_test

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/client/tumbler"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// A plan is drawn anew each time; what holds is how it begins and how it ends.
func ExamplePlan() {
	p := tumbler.Defaults()
	p.Addresses = []string{"first", "second", "third"}
	p.AddressCount = len(p.Addresses)
	balances := []sats.Amount{0, 120_000_000, 0, 0, 0}

	plan, err := tumbler.Plan(p, balances)
	if err != nil {
		fmt.Println(err)
		return
	}
	begin, end := plan[0], plan[len(plan)-1]
	fmt.Println("first everything of mixdepth", begin.Mixdepth, begin.Amount.Sweep(), "to", begin.Destination)
	fmt.Println("at last everything", end.Amount.Sweep(), "to one of the addresses", end.Destination == "third")
	fmt.Println("left with coins:", tumbler.Left(plan, balances))
	// Output:
	// first everything of mixdepth 1 true to INTERNAL
	// at last everything true to one of the addresses true
	// left with coins: []
}
