package txbuild_test

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// A payment with change. Its fee is known to the satoshi before anything is
// signed.
func ExampleDirect() {
	to, err := txbuild.ParseAddress("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", &chaincfg.MainNetParams)
	if err != nil {
		fmt.Println(err)
		return
	}
	own := txbuild.Program(make([]byte, 33))
	d := txbuild.Direct{
		Inputs:  []txbuild.Input{{OutPoint: wire.OutPoint{Index: 1}, Value: 1_000_000, Script: own}},
		Outputs: []txbuild.Output{{Value: 250_000, Script: to}},
		Change:  own, Rate: 2_000, Sequence: txbuild.RBF,
	}
	tx, err := d.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("fee", tx.Fee, "for", tx.VSize, "vB, change", tx.Change)

	d.Outputs[0].Value = 2_000_000
	_, err = d.Build()
	fmt.Println(errors.Is(err, txbuild.ErrFunds))
	// Output:
	// fee 282 sat for 141 vB, change 749 718 sat
	// true
}

// What a CoinJoin of five costs the miners at 2 sat/vB, with an input and a
// change output for each.
func ExampleFee() {
	var inputs, outputs []txbuild.ScriptType
	for range 5 {
		inputs = append(inputs, txbuild.P2WPKH)
		outputs = append(outputs, txbuild.P2WPKH, txbuild.P2WPKH)
	}
	fee, err := txbuild.Fee(inputs, outputs, 2_000)
	fmt.Println(fee, err)
	// Output: 1 322 sat <nil>
}
