package protocol

import (
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/random"
)

// Version is the only protocol version on the network. It is the second
// character of every nick.
const Version = 5

// Nick is a participant's name: 16 characters, "J5" and the base58 text of ten
// hash bytes of its key, padded with 'O' (protocol: nicks).
type Nick string

// ErrNick means that a text is no nick.
var ErrNick = errors.New("not a nick: want 16 characters, J5 and base58 padded with O")

// NickSize is the length of every nick in bytes.
const NickSize = 16

const (
	nickHeader  = "J5"
	nickPadding = 'O' // not in the base58 alphabet
	maxPadding  = 4   // ten bytes have at least ten base58 digits
	base58      = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// Valid reports whether n has the form of a nick. Whether a key stands behind
// it only the client can tell.
func (n Nick) Valid() bool {
	text, ok := strings.CutPrefix(string(n), nickHeader)
	if !ok || len(n) != NickSize {
		return false
	}
	digits := strings.TrimRight(text, string(nickPadding))
	if len(text)-len(digits) > maxPadding {
		return false
	}
	for i := range len(digits) {
		if strings.IndexByte(base58, digits[i]) < 0 {
			return false
		}
	}
	return true
}

// RandomNick is a nick of no key, drawn anew each time: for one who says nothing
// that is signed and is never seen again. It looks like any other.
func RandomNick() Nick {
	n := new(big.Int).SetUint64(random.Uint64())
	n.Lsh(n, 16).Or(n, new(big.Int).SetUint64(random.Uint64()&0xffff)) // ten bytes
	digits := make([]byte, 0, NickSize)
	for digit, base := new(big.Int), big.NewInt(int64(len(base58))); n.Sign() > 0 || len(digits) < NickSize-len(nickHeader)-maxPadding; {
		n.DivMod(n, base, digit)
		digits = append(digits, base58[digit.Int64()])
	}
	slices.Reverse(digits)
	for len(digits) < NickSize-len(nickHeader) {
		digits = append(digits, nickPadding)
	}
	return Nick(nickHeader + string(digits))
}

// Commitment is what a taker commits to in !fill, as it travels: the type
// letter 'P' and 64 hex digits. Compare commitments by Bytes, never as text:
// peers may write digits in either case (attack M1).
type Commitment string

// ErrCommitment means that a text is no commitment.
var ErrCommitment = errors.New("not a commitment: want P and 64 hex digits")

// commitmentType is the only type in use: a proof of discrete logarithm
// equivalence.
const commitmentType = 'P'

// Bytes returns the 32 committed bytes.
func (c Commitment) Bytes() (b [32]byte, err error) {
	if len(c) != 1+2*len(b) || c[0] != commitmentType {
		return b, ErrCommitment
	}
	if _, err := hex.Decode(b[:], []byte(c[1:])); err != nil {
		return [32]byte{}, ErrCommitment
	}
	return b, nil
}

// NewCommitment writes 32 bytes in the form that travels, in lower case.
func NewCommitment(b [32]byte) Commitment {
	return Commitment(string(commitmentType) + hex.EncodeToString(b[:]))
}
