package podle

import (
	"crypto/sha256"
	"sync"

	"github.com/btcsuite/btcd/btcec/v2"
)

// Points is the number of alternative generators, J(0) to J(255).
const Points = 256

// generators returns all J(i), derived at the first call (a few milliseconds).
//
// Nobody may know the discrete logarithm of a J(i) to the base G, so each is
// found by hashing: J(i) is the first point with an even y and the x coordinate
// SHA256(G || byte i || byte counter), counter from 0 (spec: PoDLE 7.1). For
// every i that ends within the compressed form of G; the rule's second seed,
// the uncompressed form, is never reached.
var generators = sync.OnceValue(deriveGenerators)

func deriveGenerators() *[Points]btcec.JacobianPoint {
	seed := btcec.Generator().SerializeCompressed()
	var table [Points]btcec.JacobianPoint
	for i := range table {
		for counter := 0; ; counter++ {
			x := sha256.Sum256(append(append([]byte{}, seed...), byte(i), byte(counter)))
			point, err := btcec.ParsePubKey(append([]byte{2}, x[:]...))
			if err == nil {
				point.AsJacobian(&table[i])
				break
			}
		}
	}
	return &table
}
