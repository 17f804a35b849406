package podle

import (
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
)

// TestW11NonceOfBrokenSource: with a source of randomness that always says the
// same, no two proofs that differ share a nonce, which would give the key away.
func TestW11NonceOfBrokenSource(t *testing.T) {
	seen := make(map[btcec.ModNScalar]string)
	for k := range byte(20) {
		key, _ := btcec.PrivKeyFromBytes([]byte{1 + k})
		for index := range Points {
			n, what := nonce(key, index, [32]byte{}), fmt.Sprintf("key %d, index %d", k, index)
			if other, twice := seen[*n]; twice || n.IsZero() {
				t.Fatalf("%s has the nonce of %s", what, other)
			}
			seen[*n] = what
		}
	}
	key, _ := btcec.PrivKeyFromBytes([]byte{1})
	if nonce(key, 0, [32]byte{}).Equals(nonce(key, 0, [32]byte{1})) {
		t.Error("fresh randomness changes nothing")
	}
}
