package control

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// Every message that has bounds has a method Validate. Both sides run it on
// what they send and on what they receive (see Decode), so the checks stand
// here once. They are of form and size; what a field means for money or for a
// conversation is checked by its user.

var (
	network = regexp.MustCompile(`^(mainnet|testnet|signet|regtest)$`)
	reason  = regexp.MustCompile(`^[a-z][a-z-]{0,31}$`)
)

// plain reports whether s has least..most characters, all printable ASCII.
func plain(s string, least, most int) bool {
	return size(len(s), least, most) && protocol.Printable(s)
}

func size(n, least, most int) bool { return least <= n && n <= most }

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

func freeText(s string) bool { return plain(s, 0, protocol.MaxErrorText) }

func nicks(list []protocol.Nick) bool {
	return size(len(list), 1, protocol.MaxMakers) && all(list, protocol.Nick.Valid) && distinct(list, same)
}

// utxo wants txid:vout in the one form that the market's lines are read to.
func utxo(s string) bool {
	u, err := line.ParseUTXO(s)
	return err == nil && u.String() == s
}

func sigScript(s string) bool {
	script, err := b64.Decode(s, protocol.MaxSigScript)
	return err == nil && len(script) > 0
}

func bondProof(s string) bool {
	proof, err := b64.Decode(s, protocol.BondProofSize)
	return err == nil && len(proof) == protocol.BondProofSize
}

func address(s string) bool { return plain(s, 1, MaxAddress) && !strings.Contains(s, " ") }
