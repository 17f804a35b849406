package descriptor_test

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/wallet/descriptor"
)

// The checksum is that of Bitcoin Core (BIP380).
func ExampleSeal() {
	sealed, err := descriptor.Seal("raw(deadbeef)")
	fmt.Println(sealed, err)
	_, err = descriptor.Seal("raw(ä)")
	fmt.Println(err)
	// Output:
	// raw(deadbeef)#89f8spxm <nil>
	// character that no descriptor has: 'ä'
}
