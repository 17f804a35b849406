package maker_test

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// What is announced depends on the terms and on the richest mixdepth, of which
// it tells two digits.
func ExampleTerms_Offers() {
	terms := maker.Terms{
		Types:    []protocol.OfferType{protocol.SW0RelOffer, protocol.SW0AbsOffer},
		CJFeeRel: "0.00002", CJFeeAbs: 500, MinSize: 100_000, Basic: true,
	}
	if err := terms.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range terms.Offers(123_456_789) {
		fmt.Println(o.ID, o.Type, o.MinSize, "to", o.MaxSize, "for", o.CJFee)
	}
	fmt.Println(len(terms.Offers(90_000)), "offers with too little")
	// Output:
	// 0 sw0reloffer 100 000 sat to 120 000 000 sat for 0.00002
	// 1 sw0absoffer 100 000 sat to 120 000 000 sat for 500
	// 0 offers with too little
}

// What was agreed decides what is signed: Verify refuses every transaction that
// does not pay at least this back.
func ExampleAgreement() {
	a := maker.Agreement{
		Offer:  protocol.Offer{Type: protocol.SW0RelOffer, MinSize: 100_000, MaxSize: 79_000_000, CJFee: "0.00002", TxFee: 100},
		Amount: 25_000_000,
		Inputs: []coins.Coin{{Value: 40_000_000}},
	}
	earning, err := a.Earning()
	if err != nil {
		fmt.Println(err)
		return
	}
	change, err := a.Change()
	fmt.Println("earns", earning, "and gets", change, "back", err)
	// Output: earns 400 sat and gets 15 000 400 sat back <nil>
}
