package protocol

import (
	"encoding/hex"
	"errors"
	"regexp"
)

// Version is the only protocol version on the network. It is the second
// character of every nick.
const Version = 5

// Nick is a participant's name: 16 characters, "J5" and the base58 text of ten
// hash bytes of its key, padded with 'O' (spec: messaging.md 1.1).
type Nick string

// ErrNick means that a text is no nick.
var ErrNick = errors.New("not a nick: want 16 characters, J5 and base58 padded with O")

var nickForm = regexp.MustCompile(`^J5[1-9A-HJ-NP-Za-km-z]{10,14}O{0,4}$`)

// Valid reports whether n has the form of a nick. Whether a key stands behind
// it only the client can tell.
func (n Nick) Valid() bool { return len(n) == 16 && nickForm.MatchString(string(n)) }

// Commitment is what a taker commits to in !fill, as it travels: the type
// letter 'P' and 64 hex digits. Compare commitments by Bytes, never as text:
// peers may write digits in either case (attack M1).
type Commitment string

// ErrCommitment means that a text is no commitment.
var ErrCommitment = errors.New("not a commitment: want P and 64 hex digits")

// Bytes returns the 32 committed bytes.
func (c Commitment) Bytes() (b [32]byte, err error) {
	if len(c) != 65 || c[0] != 'P' {
		return b, ErrCommitment
	}
	if _, err := hex.Decode(b[:], []byte(c[1:])); err != nil {
		return b, ErrCommitment
	}
	return b, nil
}

// NewCommitment writes 32 bytes in the form that travels.
func NewCommitment(b [32]byte) Commitment { return Commitment("P" + hex.EncodeToString(b[:])) }
