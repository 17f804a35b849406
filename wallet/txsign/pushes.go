package txsign

import (
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
)

// ErrPushes means that the text of a !sig message is not the base64 of the
// pushes it should be.
var ErrPushes = errors.New("not a signature and a key as pushes of a script")

const (
	maxSignature = ecdsa.MaxSigLen + 1 // with the hash type
	minSignature = ecdsa.MinSigLen + 1
	programSize  = 22 // the third push of the nested type, which says nothing new
)

// Pushes is what a maker sends for one of its inputs: a script that pushes the
// DER signature with its hash type and the 33-byte public key.
type Pushes struct {
	Signature []byte
	PubKey    []byte
}

// PushesOf takes signature and key from the witness of a signed input.
func PushesOf(in *wire.TxIn) (Pushes, error) {
	if len(in.Witness) != 2 {
		return Pushes{}, ErrPushes
	}
	return Pushes{in.Witness[0], in.Witness[1]}, nil
}

// Encode writes the pushes as they travel in !sig: base64 of, for each, a
// length byte and the data.
func (p Pushes) Encode() string {
	var script []byte
	for _, data := range [][]byte{p.Signature, p.PubKey} {
		script = append(append(script, byte(len(data))), data...)
	}
	return b64.Encode(script)
}

// ParsePushes reads what Encode writes. A third push of 22 bytes, which makers
// with nested coins add, is tolerated and dropped; anything else is ErrPushes.
// Whether the signature is valid shows Place.
func ParsePushes(text string) (Pushes, error) {
	script, err := b64.Decode(text, 3+maxSignature+btcec.PubKeyBytesLenCompressed+programSize)
	if err != nil {
		return Pushes{}, ErrPushes
	}
	signature, rest := cutPush(script)
	pubKey, rest := cutPush(rest)
	if program, end := cutPush(rest); len(program) == programSize {
		rest = end
	}
	if len(signature) < minSignature || len(signature) > maxSignature ||
		len(pubKey) != btcec.PubKeyBytesLenCompressed || len(rest) != 0 {
		return Pushes{}, ErrPushes
	}
	return Pushes{signature, pubKey}, nil
}

// cutPush takes one push of 1..75 bytes from the front of a script; without one
// data is nil and rest is the script.
func cutPush(script []byte) (data, rest []byte) {
	if len(script) == 0 || script[0] == 0 || script[0] > 75 || len(script) < 1+int(script[0]) {
		return nil, script
	}
	end := 1 + int(script[0])
	return script[1:end:end], script[end:]
}
