// Package random draws numbers from the system's secure source. Whatever a
// stranger may see the outcome of, such as an order, a choice or a delay, is
// drawn here (attack D12).
package random

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// Uint64 draws from 0..2^64-1.
func Uint64() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails: the runtime ends the process first
	return binary.LittleEndian.Uint64(b[:])
}

// N draws uniformly from 0..n-1. It panics unless n > 0.
func N[T ~int | ~int32 | ~int64](n T) T {
	if n <= 0 {
		panic("random: empty range")
	}
	// The high word of a 64x64 product is uniform over 0..n-1 once the low
	// words that have one more preimage than others are drawn again.
	un := uint64(n)
	for {
		high, low := bits.Mul64(Uint64(), un)
		if low >= -un%un {
			return T(high)
		}
	}
}

// Float64 draws uniformly from [0, 1) in steps of 2^-53.
func Float64() float64 { return float64(Uint64()>>11) / (1 << 53) }

// Shuffle puts s in an order drawn uniformly from all orders.
func Shuffle[S ~[]E, E any](s S) {
	for i := len(s) - 1; i > 0; i-- {
		j := N(i + 1)
		s[i], s[j] = s[j], s[i]
	}
}
