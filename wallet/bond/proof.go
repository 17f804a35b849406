package bond

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/wallet/message"
)

// Layout of a proof in bytes (protocol: fidelity bond announcement). Numbers
// are little-endian, the transaction id is in display order, and signatures
// have bytes of 0xff in front.
//
//	nick signature 72 | certificate signature 72 | certificate key 33 |
//	expiry 2 | bond key 33 | txid 32 | vout 4 | locktime 4
const (
	// Size is that of a proof in bytes.
	Size = 2*signatureSize + keySize + 2 + keySize + 32 + 4 + 4

	signatureSize = 72
	padding       = 0xff
	derTag        = 0x30 // first byte of a signature
)

// Errors of proofs, besides ErrCertificate.
var (
	// ErrProof: a text has not the form of a proof.
	ErrProof = errors.New("not a proof of a fidelity bond")
	// ErrNick: the proof was not made by this maker for this taker.
	ErrNick = errors.New("proof of a fidelity bond is of another maker or for another taker")
	// ErrCoin: there is no such coin to stand behind the proof, or it does not
	// count now.
	ErrCoin = errors.New("no coin stands behind the fidelity bond")
	// ErrKey: the key is not the one of the certificate.
	ErrKey = errors.New("key is not the one of the certificate")
)

// Proof shows one taker that one maker owns a bond.
type Proof struct {
	NickSignature []byte // DER, by Certificate.Key, at most 72 bytes
	Certificate
	OutPoint wire.OutPoint // of the bond
	Locktime uint32        // Unix time in seconds
}

// nicks is what the certificate's key signs.
func nicks(taker, maker string) string { return taker + "|" + maker }

// Prove makes the proof for a taker that the maker owns the bond at out. key is
// the private one of the certificate, else ErrKey.
func (c Certificate) Prove(key *btcec.PrivateKey, out wire.OutPoint, locktime uint32, taker, maker string) (Proof, error) {
	if !bytes.Equal(key.PubKey().SerializeCompressed(), c.Key[:]) {
		return Proof{}, ErrKey
	}
	return Proof{message.Sign(key, nicks(taker, maker)), c, out, locktime}, nil
}

// Verify checks both signatures. The errors are ErrNick and ErrCertificate.
// OutPoint and Locktime are covered by no signature: only CheckCoin can tell
// whether they are true.
func (p Proof) Verify(taker, maker string) error {
	if err := message.Verify(p.Key[:], nicks(taker, maker), p.NickSignature); err != nil {
		return ErrNick
	}
	return p.Certificate.Verify()
}

// Coin is what a node says about the output that a proof names.
type Coin struct {
	Script        []byte
	Confirmations int32 // 0 while in the mempool
}

// CheckCoin checks the unspent coin at OutPoint, as a node knows it, when the
// best block has the given height. The error is ErrCoin, with the reason.
func (p Proof) CheckCoin(coin Coin, height int32) error {
	switch {
	case p.Expired(height):
		return fmt.Errorf("%w: its certificate ended at block %d", ErrCoin, int(p.Expiry)*Period)
	case coin.Confirmations < 1:
		return fmt.Errorf("%w: it is not confirmed", ErrCoin)
	case !bytes.Equal(coin.Script, Script(Redeem(p.Locktime, p.BondKey))):
		return fmt.Errorf("%w: it has another script", ErrCoin)
	}
	return nil
}

// Encode writes the proof as it travels: 336 characters of base64. The error is
// ErrProof for signatures that have no place in it.
func (p Proof) Encode() (string, error) {
	raw := make([]byte, 0, Size)
	for _, signature := range [][]byte{p.NickSignature, p.Signature} {
		if len(signature) > signatureSize || len(signature) == 0 || signature[0] != derTag {
			return "", fmt.Errorf("%w: a signature is missing or too long", ErrProof)
		}
		raw = append(raw, bytes.Repeat([]byte{padding}, signatureSize-len(signature))...)
		raw = append(raw, signature...)
	}
	raw = append(raw, p.Key[:]...)
	raw = binary.LittleEndian.AppendUint16(raw, p.Expiry)
	raw = append(raw, p.BondKey[:]...)
	txid := p.OutPoint.Hash
	slices.Reverse(txid[:])
	raw = append(raw, txid[:]...)
	raw = binary.LittleEndian.AppendUint32(raw, p.OutPoint.Index)
	raw = binary.LittleEndian.AppendUint32(raw, p.Locktime)
	return b64.Encode(raw), nil
}

// Parse reads what Encode writes, and nothing else: ErrProof. Nothing is
// verified.
func Parse(text string) (Proof, error) {
	raw, err := b64.Decode(text, Size)
	if err != nil || len(raw) != Size {
		return Proof{}, fmt.Errorf("%w: want base64 of %d bytes", ErrProof, Size)
	}
	take := func(n int) []byte {
		part := raw[:n:n]
		raw = raw[n:]
		return part
	}
	var p Proof
	for _, signature := range []*[]byte{&p.NickSignature, &p.Signature} {
		field := take(signatureSize)
		start := slices.IndexFunc(field, func(b byte) bool { return b != padding })
		if start < 0 || field[start] != derTag {
			return Proof{}, fmt.Errorf("%w: no signature behind the padding", ErrProof)
		}
		*signature = field[start:]
	}
	p.Key = [keySize]byte(take(keySize))
	p.Expiry = binary.LittleEndian.Uint16(take(2))
	p.BondKey = [keySize]byte(take(keySize))
	p.OutPoint.Hash = [32]byte(take(32))
	slices.Reverse(p.OutPoint.Hash[:])
	p.OutPoint.Index = binary.LittleEndian.Uint32(take(4))
	p.Locktime = binary.LittleEndian.Uint32(take(4))
	return p, nil
}
