package descriptor

import (
	"fmt"
	"strings"
)

const (
	// characters is the input alphabet of the checksum, ordered so that usual
	// typing mistakes change few of its symbols (BIP380).
	characters = "0123456789()[],'/*abcdefgh@:$%{}" +
		"IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
		"ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	// symbols is the alphabet of the checksum itself, that of bech32.
	symbols = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

	checksumSize = 8
)

// generator is the polynomial of the checksum over GF(32) (BIP380).
var generator = [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd}

// step divides what was read so far, followed by one more symbol.
func step(c, symbol uint64) uint64 {
	top := c >> 35
	c = (c&0x7ffffffff)<<5 ^ symbol
	for i, g := range generator {
		if top>>i&1 != 0 {
			c ^= g
		}
	}
	return c
}

// Checksum returns the 8 characters that protect a descriptor, which comes
// without them. It returns ErrCharacter or ErrTooLong.
func Checksum(body string) (string, error) {
	if len(body) > MaxSize {
		return "", ErrTooLong
	}
	c, class, count := uint64(1), uint64(0), 0
	for _, r := range body {
		at := strings.IndexRune(characters, r)
		if at < 0 {
			return "", fmt.Errorf("%w: %q", ErrCharacter, r)
		}
		// Each character's place in its group of 32 is a symbol; the groups of
		// three characters together are one more.
		c = step(c, uint64(at&31))
		class = class*3 + uint64(at>>5)
		if count++; count == 3 {
			c, class, count = step(c, class), 0, 0
		}
	}
	if count > 0 {
		c = step(c, class)
	}
	for range checksumSize {
		c = step(c, 0)
	}
	c ^= 1
	var sum [checksumSize]byte
	for i := range sum {
		sum[i] = symbols[c>>(5*(checksumSize-1-i))&31]
	}
	return string(sum[:]), nil
}

// Seal returns the descriptor with its checksum behind a '#'.
func Seal(body string) (string, error) {
	sum, err := Checksum(body)
	if err != nil {
		return "", err
	}
	return body + "#" + sum, nil
}
