package podle_test

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// The taker sends the commitment with !fill and opens it with !auth; the maker
// checks that one coin stands behind it, and remembers it.
func Example() {
	key, _ := btcec.PrivKeyFromBytes([]byte{7}) // of the taker's coin
	coin := wire.OutPoint{Index: 3}
	proof, err := podle.Generate(key, coin, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	commitment, opening := proof.Commitment(), proof.String()

	heard, err := podle.ParseRevelation(opening)
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := heard.Verify(commitment, 3)
	fmt.Println("try", index, err)

	again, _ := podle.Generate(key, coin, 0)
	fmt.Println("the same coin, the same commitment:", again.Commitment() == commitment)
	_, err = heard.Verify([32]byte{1}, 3)
	fmt.Println("another commitment is refused:", err != nil)
	// Output:
	// try 0 <nil>
	// the same coin, the same commitment: true
	// another commitment is refused: true
}
