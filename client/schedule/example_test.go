package schedule_test

import (
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/client/schedule"
)

// Two payments: 0.3 BTC to the next mixdepth, and half of what is left to an
// address. What each comes to shows when its turn is.
func ExampleParse() {
	entries, err := schedule.Parse([]byte(`# mixdepth, amount, makers, destination, pause in minutes, figures, done
0,30000000,4,INTERNAL,0,16,0
0,0.5,4,bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq,1,2,0`), &chaincfg.MainNetParams)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range entries {
		amount, err := e.Amount.Of(123_456_789, e.Rounding, schedule.MinFraction)
		fmt.Println(amount, "to", e.Destination, err)
	}
	fmt.Println(schedule.Format(entries[1:]))
	// Output:
	// 30 000 000 sat to INTERNAL <nil>
	// 62 000 000 sat to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq <nil>
	// 0,0.5,4,bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq,1.0,2,0
}
