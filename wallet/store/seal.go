package store

import (
	"cmp"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

const (
	saltSize  = 16
	checkSize = sha256.Size
	nonceSize = chacha20poly1305.NonceSizeX
	keySize   = chacha20poly1305.KeySize
	tagSize   = chacha20poly1305.Overhead
)

// ErrPassword means a wrong password.
var ErrPassword = errors.New("wrong password")

// KDF says how much work a guess of the password costs (Argon2id, RFC 9106).
// The zero value stands for DefaultKDF.
type KDF struct {
	Memory uint32 // KiB, 8*Lanes..MaxMemory
	Passes uint32 // 1..MaxPasses
	Lanes  uint32 // 1..MaxLanes
}

// DefaultKDF is the second recommended choice of RFC 9106, chapter 4, for
// machines with little memory: the wallet must open on a small board too.
var DefaultKDF = KDF{Memory: 64 * 1024, Passes: 3, Lanes: 4}

// Bounds on the parameters, so that a file from elsewhere cannot use up the
// machine: at worst 1 GiB of memory and some seconds.
const (
	MaxMemory = 1024 * 1024 // KiB
	MaxPasses = 16
	MaxLanes  = 16
)

// errKDF is wrapped by Validate.
var errKDF = errors.New("password hashing parameters out of bounds")

// Validate checks the bounds.
func (k KDF) Validate() error {
	if k.Lanes < 1 || k.Lanes > MaxLanes || k.Passes < 1 || k.Passes > MaxPasses ||
		k.Memory < 8*k.Lanes || k.Memory > MaxMemory {
		return fmt.Errorf("%w: %d KiB, %d passes, %d lanes", errKDF, k.Memory, k.Passes, k.Lanes)
	}
	return nil
}

// checkNew refuses a password or parameters that no file is made with, and fills
// in the default ones.
func checkNew(password secret.Text, kdf KDF) (KDF, error) {
	if password.Empty() {
		return kdf, ErrEmptyPassword
	}
	kdf = cmp.Or(kdf, DefaultKDF)
	return kdf, kdf.Validate()
}

// sealer holds the cipher of an open file, so that saving does not repeat the
// work of the password.
type sealer struct {
	header header // the nonce is the one of the file as it was read
	aead   cipher.AEAD
}

// newSealer derives a key for a new file.
func newSealer(password secret.Text, kdf KDF) (*sealer, error) {
	h := header{kdf: kdf}
	rand.Read(h.salt[:])
	s, check, err := derive(password, h)
	if err != nil {
		return nil, err
	}
	s.header.check = check
	return s, nil
}

// openSealer derives the key of an existing file or returns ErrPassword.
func openSealer(password secret.Text, h header) (*sealer, error) {
	s, check, err := derive(password, h)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(check[:], h.check[:]) != 1 {
		return nil, ErrPassword
	}
	return s, nil
}

// derive computes the key and its check value from one run of Argon2id: the
// first half of the result is the key, the hash of the second half the check.
func derive(password secret.Text, h header) (*sealer, [checkSize]byte, error) {
	raw := argon2.IDKey(password.RevealBytes(), h.salt[:], h.kdf.Passes, h.kdf.Memory, uint8(h.kdf.Lanes), 2*keySize)
	defer clear(raw)
	check := sha256.Sum256(raw[keySize:])
	aead, err := chacha20poly1305.NewX(raw[:keySize])
	if err != nil {
		return nil, check, fmt.Errorf("preparing the cipher: %w", err)
	}
	return &sealer{h, aead}, check, nil
}

// seal returns the content of a file of some kind for a body.
func (s *sealer) seal(k kind, body []byte) []byte {
	h := s.header
	h.kind = k
	rand.Read(h.nonce[:])
	head := h.encode()
	return s.aead.Seal(head, h.nonce[:], body, head)
}

// open returns the body of a file with the given header or ErrDamaged.
func (s *sealer) open(file []byte) ([]byte, error) {
	body, err := s.aead.Open(nil, s.header.nonce[:], file[headerSize:], file[:headerSize])
	if err != nil {
		return nil, fmt.Errorf("%w (the password is right, the content is not as it was written)", ErrDamaged)
	}
	return body, nil
}
