package podle

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// extended is what joinmarket-ng puts behind a coin for makers without a full
// node: the output script and a height. We read it and use our own node.
var extended = regexp.MustCompile(`^([0-9a-f]{64}:[0-9]{1,10}):(?:[0-9a-f]{2}){1,100}:[0-9]{1,10}$`)

// maxRevelation is an opening with the longest extended coin, in bytes.
const maxRevelation = 64 + 1 + 10 + 1 + 200 + 1 + 10 + 2*(1+66) + 2*(1+64)

// String is the opening as it travels: "txid:n|P|P2|s|e", lower-case hex.
func (p Proof) String() string {
	return fmt.Sprintf("%s|%x|%x|%x|%x", p.UTXO, p.P, p.P2, p.S, p.E)
}

// ParseRevelation reads an opening. It accepts only what String writes, and the
// extended coin text of joinmarket-ng; the error is ErrRevelation with the part
// at fault. Ranges of numbers and points are checked by Verify.
func ParseRevelation(text string) (Proof, error) {
	if len(text) > maxRevelation {
		return Proof{}, fmt.Errorf("%w: too long", ErrRevelation)
	}
	parts := strings.Split(text, "|")
	if len(parts) != 5 {
		return Proof{}, fmt.Errorf("%w: %d parts, want 5", ErrRevelation, len(parts))
	}
	if m := extended.FindStringSubmatch(parts[0]); m != nil {
		parts[0] = m[1]
	}
	var p Proof
	var err error
	if p.UTXO, err = coins.ParseOutPoint(parts[0]); err != nil {
		return Proof{}, fmt.Errorf("%w: %w", ErrRevelation, err)
	}
	for i, field := range [][]byte{p.P[:], p.P2[:], p.S[:], p.E[:]} {
		name, part := [...]string{"P", "P2", "s", "e"}[i], parts[i+1]
		if len(part) != hex.EncodedLen(len(field)) || strings.ToLower(part) != part {
			return Proof{}, fmt.Errorf("%w: %s is not %d bytes in lower-case hex", ErrRevelation, name, len(field))
		}
		if _, err := hex.Decode(field, []byte(part)); err != nil {
			return Proof{}, fmt.Errorf("%w: %s is not hex", ErrRevelation, name)
		}
	}
	return p, nil
}
