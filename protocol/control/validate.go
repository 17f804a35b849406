package control

import (
	"fmt"
	"regexp"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Every message that has bounds has a method Validate. Both sides run it on
// what they send and on what they receive (see Decode), so the checks stand
// here once. They are of form and size; what a field means for money or for a
// conversation is checked by its user.

var (
	hex64     = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	hex66     = regexp.MustCompile(`^[0-9a-fA-F]{66}$`)
	base64Sig = regexp.MustCompile(`^[A-Za-z0-9+/]{1,104}={0,2}$`) // DER, 8..72 bytes
	base64Any = regexp.MustCompile(`^[A-Za-z0-9+/]{1,1000}={0,2}$`)
	outpoint  = regexp.MustCompile(`^[0-9a-fA-F]{64}:[0-9]{1,10}$`)
	network   = regexp.MustCompile(`^(mainnet|testnet|signet|regtest)$`)
	reason    = regexp.MustCompile(`^[a-z][a-z-]{0,31}$`)
)

// plain reports whether s has min..max characters, all printable ASCII.
func plain(s string, min, max int) bool {
	return len(s) >= min && len(s) <= max && printable(s, max) == s
}

// field is one condition of a message.
type field struct {
	ok   bool
	name string
}

// check returns an error that names the first field at fault.
func check(fields ...field) error {
	for _, f := range fields {
		if !f.ok {
			return fmt.Errorf("field %q is missing, malformed or out of bounds", f.name)
		}
	}
	return nil
}

func size(n, min, max int) bool { return n >= min && n <= max }

func all[T any](list []T, ok func(T) bool) bool {
	for _, v := range list {
		if !ok(v) {
			return false
		}
	}
	return true
}

func distinct[T any, K comparable](list []T, key func(T) K) bool {
	seen := make(map[K]bool, len(list))
	for _, v := range list {
		seen[key(v)] = true
	}
	return len(seen) == len(list)
}

func same[T any](v T) T { return v }

func commitment(c protocol.Commitment) bool {
	_, err := c.Bytes()
	return err == nil
}

func freeText(s string) bool { return plain(s, 0, MaxErrorText) }

func nicks(list []protocol.Nick) bool {
	return size(len(list), 1, MaxMakers) && all(list, protocol.Nick.Valid) && distinct(list, same)
}
