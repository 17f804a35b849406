package bond

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/joinmarket-go/joinmarket/wallet/message"
)

// Period is the number of blocks by which the validity of certificates is
// counted.
const Period = 2016

// safety is how many blocks before the end of a period a certificate for it is
// not worth making any more.
const safety = 2

// ErrCertificate: the signature of the bond's key is missing or wrong.
var ErrCertificate = errors.New("certificate of a fidelity bond is not valid")

// Certificate lets another key speak for the one of a bond, which can then stay
// offline: makers sign with the certificate's key only.
type Certificate struct {
	Key       [keySize]byte // public, that may speak
	Expiry    uint16        // valid up to the block of height Expiry*Period
	BondKey   [keySize]byte // public, in the script of the bond
	Signature []byte        // DER, by BondKey, at most 72 bytes
}

// Expiry returns what the reference writes into a certificate made at a block
// height: it ends after 2 to 2017 more blocks. A maker needs a new one when the
// number grows.
func Expiry(height int32) uint16 {
	return uint16(min(math.MaxUint16, (int64(max(0, height))+safety)/Period+1))
}

// Certify makes a certificate.
func Certify(bondKey *btcec.PrivateKey, key [keySize]byte, expiry uint16) Certificate {
	c := Certificate{Key: key, Expiry: expiry, BondKey: [keySize]byte(bondKey.PubKey().SerializeCompressed())}
	c.Signature = message.Sign(bondKey, c.binary())
	return c
}

// Expired reports whether the certificate is worth nothing when the best block
// has this height.
func (c Certificate) Expired(height int32) bool { return int64(height) > int64(c.Expiry)*Period }

// binary is what wallets sign.
func (c Certificate) binary() string { return certified(string(c.Key[:]), c.Expiry) }

// Text is what signers sign that know only text, as hardware does. Their
// signature counts as much as the one of Certify.
func (c Certificate) Text() string { return certified(hex.EncodeToString(c.Key[:]), c.Expiry) }

func certified(key string, expiry uint16) string {
	return "fidelity-bond-cert|" + key + "|" + strconv.FormatUint(uint64(expiry), 10)
}

// Verify checks the signature of the bond's key, over either form. The error is
// ErrCertificate. Whether it has Expired is another question.
func (c Certificate) Verify() error {
	if message.Verify(c.BondKey[:], c.binary(), c.Signature) != nil &&
		message.Verify(c.BondKey[:], c.Text(), c.Signature) != nil {
		return ErrCertificate
	}
	return nil
}
