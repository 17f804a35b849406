package bip21_test

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bip21"
)

func ExampleDecode() {
	u, err := bip21.Decode("bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=0.0025&label=Caf%C3%A9")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Address)
	fmt.Println(u.Amount, u.Label)

	_, err = bip21.Decode("bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?req-stamp=1")
	fmt.Println(errors.Is(err, bip21.ErrRequired))
	// Output:
	// bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq
	// 250 000 sat Café
	// true
}

func ExampleURI_Encode() {
	amount := sats.Amount(250_000)
	text, err := bip21.URI{Address: "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", Amount: &amount, Message: "rent, March"}.Encode()
	fmt.Println(text, err)
	// Output: bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq?amount=0.0025&message=rent%2C%20March <nil>
}
