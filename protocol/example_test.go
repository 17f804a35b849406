package protocol_test

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// A nick is the hash of a key, so a stranger's is checked before it is used.
func ExampleNick() {
	for _, nick := range []protocol.Nick{"J5FCif1AozHP4w2W", "J5FCif1AozHP4w2", "bob"} {
		fmt.Println(nick, nick.Valid())
	}
	// Output:
	// J5FCif1AozHP4w2W true
	// J5FCif1AozHP4w2 false
	// bob false
}

// Fees are computed as every other participant computes them: one satoshi less,
// and the maker would refuse.
func ExampleOffer() {
	relative := protocol.Offer{Type: protocol.SW0RelOffer, MinSize: 100_000, MaxSize: 79_000_000, CJFee: "0.00002"}
	absolute := protocol.Offer{Type: protocol.SW0AbsOffer, ID: 1, MinSize: 100_000, MaxSize: 50_000_000, CJFee: "500"}
	for _, o := range []protocol.Offer{relative, absolute} {
		if err := o.Validate(); err != nil {
			fmt.Println(err)
			return
		}
		fee, err := o.Fee(25_000_000)
		fmt.Println(o.Type, fee, err)
	}

	relative.CJFee = "1.5"
	fmt.Println(errors.Is(relative.Validate(), protocol.ErrOfferFee))
	// Output:
	// sw0reloffer 500 sat <nil>
	// sw0absoffer 500 sat <nil>
	// true
}
