// Package podle makes and checks the market's commitments: a proof that two
// public keys have the same private key ("proof of discrete logarithm
// equivalence").
//
// A taker owns a coin with key x and P = xG. For an alternative generator J(i)
// it computes P2 = xJ(i) and sends the commitment SHA256(P2), which shows
// nothing of the coin but can be made only once for a coin and an index. Later
// it opens the commitment with coin, P, P2 and the proof (s, e):
//
//	e = SHA256(kG || kJ(i) || P || P2)    s = k + e*x mod n
//
// so that a maker learns that the coin stands behind the commitment, and can
// refuse to answer the same commitment twice. Points are hashed and sent in
// their 33-byte form only: the other forms of P2 would give further
// commitments for the same coin (attack M1).
package podle

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Errors of this package.
var (
	// ErrIndex: the index is outside 0..Points-1.
	ErrIndex = errors.New("commitment index out of range")
	// ErrRevelation: the text has not the form of an opening.
	ErrRevelation = errors.New("malformed opening of a commitment")
	// ErrProof: the opening does not prove the commitment.
	ErrProof = errors.New("opening does not prove the commitment")
)

// Proof opens a commitment. The zero value proves nothing.
type Proof struct {
	UTXO wire.OutPoint // the coin; not covered by the proof, its key P is
	P    [33]byte      // the coin's public key
	P2   [33]byte      // the same secret on the alternative generator
	S, E [32]byte
}

// Generate makes the proof for a coin's key and an index 0..Points-1. Makers
// accept indices below their number of tries, by default 3. The commitment
// depends on key and index only; S and E differ from call to call.
//
// As where the library computes public keys, the time it takes depends on the
// key; who could measure that could read the key from memory.
func Generate(key *btcec.PrivateKey, utxo wire.OutPoint, index int) (Proof, error) {
	if index < 0 || index >= Points {
		return Proof{}, ErrIndex
	}
	var fresh [32]byte
	rand.Read(fresh[:]) // never fails
	return generate(key, utxo, index, nonce(key, index, fresh)), nil
}

// nonce is hedged: drawn from key, index and fresh randomness, so that a broken
// source alone does not give the key away. What else the challenge covers
// follows from key and index (attack W11).
func nonce(key *btcec.PrivateKey, index int, fresh [32]byte) *btcec.ModNScalar {
	secret, hash := key.Key.Bytes(), sha256.Sum256([]byte{byte(index)})
	return btcec.NonceRFC6979(secret[:], hash[:], fresh[:], nil, 0)
}

// generate is Generate with a chosen nonce k, 0 < k < n.
func generate(key *btcec.PrivateKey, utxo wire.OutPoint, index int, k *btcec.ModNScalar) Proof {
	j := &generators()[index]
	var p2, kg, kj btcec.JacobianPoint
	btcec.ScalarMultNonConst(&key.Key, j, &p2)
	btcec.ScalarBaseMultNonConst(k, &kg)
	btcec.ScalarMultNonConst(k, j, &kj)

	proof := Proof{UTXO: utxo, P: [33]byte(key.PubKey().SerializeCompressed()), P2: compress(&p2)}
	proof.E = proof.challenge(&kg, &kj)
	var s btcec.ModNScalar
	s.SetBytes(&proof.E)
	proof.S = s.Mul(&key.Key).Add(k).Bytes()
	return proof
}

// Commitment is what the proof opens: SHA256(P2).
func (p Proof) Commitment() [32]byte { return sha256.Sum256(p.P2[:]) }

// Verify checks that the proof opens commitment with one of the indices
// 0..tries-1 and returns that index. The error is ErrIndex for tries outside
// 1..Points, else ErrProof with what is wrong. Whether the coin exists, is old
// and large enough and belongs to P is for the caller to ask its node.
func (p Proof) Verify(commitment [32]byte, tries int) (index int, err error) {
	if tries < 1 || tries > Points {
		return 0, ErrIndex
	}
	if p.Commitment() != commitment {
		return 0, fmt.Errorf("%w: it belongs to another one", ErrProof)
	}
	point, err1 := decompress(p.P)
	point2, err2 := decompress(p.P2)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%w: not a point of the curve", ErrProof)
	}
	var s, e btcec.ModNScalar
	if s.SetBytes(&p.S) != 0 || s.IsZero() {
		return 0, fmt.Errorf("%w: s out of range", ErrProof)
	}
	if e.SetBytes(&p.E); e.IsZero() {
		return 0, fmt.Errorf("%w: e is zero", ErrProof)
	}
	// kG = sG - eP and, for the right index, kJ = sJ - eP2.
	var sg, sj, eP, eP2, kg, kj btcec.JacobianPoint
	e.Negate()
	btcec.ScalarBaseMultNonConst(&s, &sg)
	btcec.ScalarMultNonConst(&e, &point, &eP)
	btcec.ScalarMultNonConst(&e, &point2, &eP2)
	btcec.AddNonConst(&sg, &eP, &kg)
	for i := range tries {
		btcec.ScalarMultNonConst(&s, &generators()[i], &sj)
		btcec.AddNonConst(&sj, &eP2, &kj)
		if !infinite(&kg) && !infinite(&kj) && p.challenge(&kg, &kj) == p.E {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w for the indices below %d", ErrProof, tries)
}

// challenge is e of the proof for the nonce points kG and kJ.
func (p Proof) challenge(kg, kj *btcec.JacobianPoint) [32]byte {
	g, j := compress(kg), compress(kj)
	h := sha256.New()
	for _, part := range [][]byte{g[:], j[:], p.P[:], p.P2[:]} {
		h.Write(part)
	}
	return [32]byte(h.Sum(nil))
}

// compress serialises a point that is not infinite.
func compress(p *btcec.JacobianPoint) [33]byte {
	p.ToAffine()
	return [33]byte(btcec.NewPublicKey(&p.X, &p.Y).SerializeCompressed())
}

func decompress(b [33]byte) (p btcec.JacobianPoint, err error) {
	key, err := btcec.ParsePubKey(b[:])
	if err != nil {
		return p, err
	}
	key.AsJacobian(&p)
	return p, nil
}

func infinite(p *btcec.JacobianPoint) bool {
	return (p.X.IsZero() && p.Y.IsZero()) || p.Z.IsZero()
}
