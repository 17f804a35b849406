package keys_test

import (
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// The words of BIP39 give the addresses of BIP84, the same as everywhere.
func Example() {
	words := secret.NewText("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about")
	seed, err := keys.ParsePhrase(words, secret.Text{}, time.Time{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer seed.Wipe()
	tree, err := keys.NewTree(seed, txbuild.P2WPKH, &chaincfg.MainNetParams)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tree.Wipe()

	first := keys.Path{Mixdepth: 0, Branch: keys.External, Index: 0}
	address, err := tree.Address(first)
	fmt.Println(tree.PathText(first), address, err)
	fmt.Println("the words print as", words)
	// Output:
	// m/84'/0'/0'/0/0 bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu <nil>
	// the words print as ***
}
