// Package seal is the encryption between one taker and one maker: a NaCl box
// (Curve25519, XSalsa20, Poly1305) that each opens with its session key.
//
// Session keys live for one attempt on the taker's side and for one fill on the
// maker's. A box has no direction and no counter: what either side sealed, both
// can open, and once sent it can be sent again. Telling a repetition or a
// reflection apart is the conversation's task (attack M10).
package seal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/box"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
)

var (
	// ErrKey: the text is no usable session key. It is not 64 lower-case hex
	// digits, or a point of low order, with which everybody could open the box.
	ErrKey = errors.New("not a usable session key")
	// ErrOpen: the text is no box of these two keys. Whether it was damaged,
	// cut or sealed by somebody else cannot be told.
	ErrOpen = errors.New("box does not open")
	// ErrText: what is or was to be sealed is empty or not printable ASCII.
	ErrText = errors.New("sealed text is not printable ASCII")
)

const (
	keySize   = 32
	nonceSize = 24
	// minSealed is nonce, tag and one byte of text.
	minSealed = nonceSize + box.Overhead + 1
	// maxSealed is what a message can carry.
	maxSealed = protocol.MaxMessage * 3 / 4
)

// hidden hands out 32 bytes that no verb of package fmt shows, at whatever
// depth of whatever struct: of a function only the address is printed, whereas
// a pointer is followed when verb and type do not match.
type hidden func() *[keySize]byte

func hide(b *[keySize]byte) hidden { return func() *[keySize]byte { return b } }

// Key is a session key. However it is printed, the secret is not shown.
type Key struct {
	secret hidden
	public [keySize]byte
}

// NewKey draws a session key.
func NewKey() (*Key, error) {
	public, secret, err := box.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("drawing a session key: %w", err)
	}
	return &Key{hide(secret), *public}, nil
}

// KeyFromSecret makes the key of a known secret, for tests.
func KeyFromSecret(secret [32]byte) (*Key, error) {
	public, err := curve25519.X25519(secret[:], curve25519.Basepoint)
	if err != nil {
		return nil, fmt.Errorf("public part of a session key: %w", err)
	}
	return &Key{hide(&secret), [keySize]byte(public)}, nil
}

// Public is the half that travels in fill and pubkey: 64 lower-case hex digits.
func (k *Key) Public() string { return hex.EncodeToString(k.public[:]) }

// Format prints the public half and stars.
func (k Key) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "session key %x (secret ***)", k.public[:])
}

// With makes the box shared with the peer whose public key reads peerHex. It
// returns ErrKey for a text that is no key or a key that protects nothing.
func (k *Key) With(peerHex string) (*Box, error) {
	if !protocol.IsHex(peerHex, keySize) {
		return nil, ErrKey
	}
	peer, err := hex.DecodeString(peerHex)
	if err != nil {
		return nil, ErrKey
	}
	// box.Precompute would go on with the all-zero secret that a point of low
	// order gives (attack N22).
	if _, err := curve25519.X25519(k.secret()[:], peer); err != nil {
		return nil, ErrKey
	}
	shared := new([keySize]byte)
	box.Precompute(shared, (*[keySize]byte)(peer), k.secret())
	return &Box{hide(shared)}, nil
}

// Box seals for and opens from one peer. It is safe for concurrent use.
type Box struct {
	shared hidden
}

// Format prints stars.
func (b Box) Format(f fmt.State, _ rune) { fmt.Fprint(f, "box (secret ***)") }

// Seal encrypts a text of printable ASCII under a random nonce and returns the
// base64 of nonce and box: 4*ceil((len+40)/3) characters.
func (b *Box) Seal(plaintext string) (string, error) {
	if plaintext == "" || !protocol.Printable(plaintext) {
		return "", ErrText
	}
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails: the runtime ends the process first
	return b.seal(&nonce, plaintext), nil
}

func (b *Box) seal(nonce *[nonceSize]byte, plaintext string) string {
	return b64.Encode(box.SealAfterPrecomputation(nonce[:], []byte(plaintext), nonce, b.shared()))
}

// Open decrypts what Seal returned at the peer. It returns ErrOpen for a text
// that is not strict base64 of a box, and ErrText for a box that opens but
// holds something no peer sends.
func (b *Box) Open(text string) (string, error) {
	sealed, err := b64.Decode(text, maxSealed)
	if err != nil || len(sealed) < minSealed {
		return "", ErrOpen
	}
	nonce := [nonceSize]byte(sealed)
	plaintext, ok := box.OpenAfterPrecomputation(nil, sealed[nonceSize:], &nonce, b.shared())
	if !ok {
		return "", ErrOpen
	}
	if !protocol.Printable(string(plaintext)) {
		return "", ErrText
	}
	return string(plaintext), nil
}
