package bond_test

import (
	"fmt"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
)

// One bitcoin that was confirmed at the beginning of 2026 and is locked for a
// year, as takers weigh it.
func ExampleRates_Value() {
	month, err := bond.ParseMonth("2027-01")
	if err != nil {
		fmt.Println(err)
		return
	}
	locktime, err := bond.Locktime(month)
	if err != nil {
		fmt.Println(err)
		return
	}
	confirmed := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := confirmed.AddDate(0, 6, 0)
	one := bond.DefaultRates.Value(100_000_000, confirmed, locktime, now)
	five := bond.DefaultRates.Value(500_000_000, confirmed, locktime, now)
	fmt.Printf("%.0f, and five together %.1f times as much\n", one, five/one)
	fmt.Println(bond.DefaultRates.Amount(five, confirmed, locktime, now))
	// Output:
	// 107840156, and five together 8.1 times as much
	// 500 000 000 sat
}

// The bond's key certifies another one, which then proves the bond to each taker.
// The taker checks the signatures, and asks its own node for the coin.
func Example() {
	bondKey, makerKey := key(1), key(2)
	public := [33]byte(makerKey.PubKey().SerializeCompressed())
	const height = 900_000
	certificate := bond.Certify(bondKey, public, bond.Expiry(height))

	locktime, _ := bond.Locktime(84) // the beginning of January 2027
	coin := wire.OutPoint{Index: 1}
	proof, err := certificate.Prove(makerKey, coin, locktime, "J5taker", "J5maker")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := proof.Encode()
	fmt.Println(len(text), "characters", err)

	heard, err := bond.Parse(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("for this taker:", heard.Verify("J5taker", "J5maker"))
	fmt.Println("for another one:", heard.Verify("J5other", "J5maker"))
	script := bond.Script(bond.Redeem(locktime, [33]byte(bondKey.PubKey().SerializeCompressed())))
	fmt.Println("coin:", heard.CheckCoin(bond.Coin{Script: script, Confirmations: 6}, height))
	// Output:
	// 336 characters <nil>
	// for this taker: <nil>
	// for another one: proof of a fidelity bond is of another maker or for another taker
	// coin: <nil>
}

func key(b byte) *btcec.PrivateKey {
	private, _ := btcec.PrivKeyFromBytes([]byte{b})
	return private
}
