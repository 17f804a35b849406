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
	maxPush      = 75 // bytes that a push of one length byte can hold
)

// Pushes is what a maker sends for one of its inputs: a script that pushes the
// DER signature with its hash type and the 33-byte public key.
type Pushes struct {
	Signature []byte
	PubKey    []byte
	// Program is a third push that makers with nested coins add: what the
	// output hides. It is nil for other types, and dropped when read.
	Program []byte
}

// PushesOf takes signature and key from a signed input of any type but P2WSH.
func PushesOf(in *wire.TxIn) (Pushes, error) {
	if len(in.Witness) == 0 { // P2PKH
		signature, rest := cutPush(in.SignatureScript)
		pubKey, rest := cutPush(rest)
		if pubKey == nil || len(rest) != 0 {
			return Pushes{}, ErrPushes
		}
		return Pushes{Signature: signature, PubKey: pubKey}, nil
	}
	if len(in.Witness) != 2 || len(in.Witness[0]) > maxPush || len(in.Witness[1]) != btcec.PubKeyBytesLenCompressed {
		return Pushes{}, ErrPushes
	}
	program, rest := cutPush(in.SignatureScript)
	if len(rest) != 0 {
		return Pushes{}, ErrPushes
	}
	return Pushes{in.Witness[0], in.Witness[1], program}, nil
}

// Encode writes the pushes as they travel in !sig: base64 of, for each, a
// length byte and the data.
func (p Pushes) Encode() string {
	script := pushAll(p.Signature, p.PubKey)
	if p.Program != nil {
		script = append(script, pushAll(p.Program)...)
	}
	return b64.Encode(script)
}

// ParsePushes reads what Encode writes. A third push of 22 bytes is tolerated
// and dropped; anything else is ErrPushes. Whether the signature is valid shows
// Place.
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
	return Pushes{Signature: signature, PubKey: pubKey}, nil
}

// pushAll makes a script that pushes items of 1..75 bytes.
func pushAll(items ...[]byte) (script []byte) {
	for _, data := range items {
		script = append(append(script, byte(len(data))), data...)
	}
	return script
}

// cutPush takes one push of 1..75 bytes from the front of a script; without one
// data is nil and rest is the script.
func cutPush(script []byte) (data, rest []byte) {
	if len(script) == 0 || script[0] == 0 || script[0] > maxPush || len(script) < 1+int(script[0]) {
		return nil, script
	}
	end := 1 + int(script[0])
	return script[1:end:end], script[end:]
}
