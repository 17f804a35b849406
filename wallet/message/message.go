// Package message signs and verifies texts with the Bitcoin message hash, in
// two forms. Sign and Verify are what nicks, fidelity bonds and the
// authorisation of a maker's coins use: plain ECDSA in DER for a known public
// key. SignText and VerifyText are the "signmessage" of wallets for an address:
// 65 bytes from which the key is recovered.
package message

import (
	"bytes"
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
)

// Why a signature is refused.
var (
	ErrKey       = errors.New("not a compressed public key")
	ErrEncoding  = errors.New("not a signature in strict DER")
	ErrSignature = errors.New("signature does not match text and key")
)

// magic is put before every text, so that a signed text is never the hash of a
// transaction.
const magic = "Bitcoin Signed Message:\n"

// Hash returns SHA256d of the magic and the text, each behind its length as a
// compact size.
func Hash(text string) chainhash.Hash {
	var buf bytes.Buffer
	wire.WriteVarString(&buf, 0, magic)
	wire.WriteVarString(&buf, 0, text) // a bytes.Buffer takes every write
	return chainhash.DoubleHashH(buf.Bytes())
}

// Sign returns the DER signature of text by key, at most 71 bytes: nonce by RFC
// 6979, low S. The same input gives the same bytes, as the reference's.
func Sign(key *btcec.PrivateKey, text string) []byte {
	hash := Hash(text)
	return ecdsa.Sign(key, hash[:]).Serialize()
}

// Verify checks the DER signature of text by a compressed public key of 33
// bytes. A high S is accepted, as the network does for messages; any encoding
// but strict DER is not.
func Verify(pubKey []byte, text string, der []byte) error {
	if len(pubKey) != btcec.PubKeyBytesLenCompressed {
		return ErrKey
	}
	key, err := btcec.ParsePubKey(pubKey)
	if err != nil {
		return ErrKey
	}
	// The library ignores what follows the sequence that the second byte
	// measures.
	sig, err := ecdsa.ParseDERSignature(der)
	if err != nil || len(der) != 2+int(der[1]) {
		return ErrEncoding
	}
	hash := Hash(text)
	if !sig.Verify(hash[:], key) {
		return ErrSignature
	}
	return nil
}

// EncodeSignature writes a DER signature as it travels, in base64.
func EncodeSignature(der []byte) string { return b64.Encode(der) }

// DecodeSignature reads the base64 of at most 72 bytes; that they are DER is
// left to Verify. The error is ErrEncoding.
func DecodeSignature(text string) ([]byte, error) {
	der, err := b64.Decode(text, ecdsa.MaxSigLen)
	if err != nil {
		return nil, ErrEncoding
	}
	return der, nil
}
