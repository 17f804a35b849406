// Package keys turns a phrase into the keys, scripts and addresses of a
// wallet: BIP39 words, BIP32 derivation, and the paths of P2WPKH (BIP84), nested
// P2WPKH (BIP49) and P2PKH wallets, with fidelity bonds, keys from elsewhere,
// and wallets that only watch.
//
// The result is the one of the reference implementation, so that a phrase opens
// the same wallet in both.
package keys

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tyler-smith/go-bip39"
	"golang.org/x/text/unicode/norm"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wordlist"
)

// Errors of reading a phrase. None of them repeats a word of it.
var (
	// ErrPhrase is wrapped by every error about the words.
	ErrPhrase = errors.New("not a valid seed phrase")
	// ErrChecksum: all words are known, but do not belong together.
	ErrChecksum = fmt.Errorf("%w: the words do not fit together; one is wrong or they are in another order", ErrPhrase)
	// ErrExtension: the extension is not text, or too long.
	ErrExtension = errors.New("the phrase extension must be UTF-8 text of at most 1024 bytes")
)

// Bounds in bytes on what a user types.
const (
	maxPhrase    = 4096
	maxExtension = 1024
)

// newEntropy is the size of the entropy of a new seed: 12 words.
const newEntropy = 16

// Seed is the origin of all keys of a wallet: the entropy behind the BIP39
// words, and an extension (the BIP39 passphrase) if the user chose one. That of
// a watch-only wallet is an extended public key instead.
type Seed struct {
	entropy   secret.Bytes // 16, 20, 24, 28 or 32 bytes
	extension secret.Text
	birth     time.Time
	fresh     bool
	master    secret.Text // extended public key of mixdepth 0, if watch-only
}

// NewSeed draws a new seed of 12 words, born now. The extension may be empty.
func NewSeed(extension secret.Text) (Seed, error) {
	entropy := make([]byte, newEntropy)
	rand.Read(entropy)
	seed, err := SeedOf(secret.NewBytes(entropy), extension, time.Now())
	seed.fresh = true
	return seed, err
}

// ParsePhrase reads 12, 15, 18, 21 or 24 words of the English BIP39 list. Case
// and white space do not matter. The extension is taken as it is, outer blanks
// included; a wrong one is not noticed, it gives another wallet. The errors are
// ErrExtension and ErrPhrase, the latter with ErrChecksum or, for a word that is
// not in the list, wordlist.UnknownError.
//
// birth is a time before which the seed was not used; the zero time when that
// is unknown.
func ParsePhrase(phrase, extension secret.Text, birth time.Time) (Seed, error) {
	text := phrase.Reveal()
	if len(text) > maxPhrase {
		return Seed{}, fmt.Errorf("%w: too long", ErrPhrase)
	}
	words := strings.Fields(strings.ToLower(norm.NFKD.String(text)))
	switch len(words) {
	case 12, 15, 18, 21, 24:
	default:
		return Seed{}, fmt.Errorf("%w: it has %d words instead of 12, 15, 18, 21 or 24", ErrPhrase, len(words))
	}
	for i, word := range words {
		if _, ok := bip39.GetWordIndex(word); !ok {
			return Seed{}, fmt.Errorf("%w (BIP39, English): %w", ErrPhrase, wordlist.Unknown(bip39.GetWordList(), word, i+1))
		}
	}
	entropy, err := bip39.EntropyFromMnemonic(strings.Join(words, " "))
	if err != nil {
		return Seed{}, ErrChecksum
	}
	return SeedOf(secret.NewBytes(entropy), extension, birth)
}

// SeedOf makes a seed of stored entropy: 16 to 32 bytes, a multiple of 4.
func SeedOf(entropy secret.Bytes, extension secret.Text, birth time.Time) (Seed, error) {
	if n := len(entropy.Reveal()); n < 16 || n > 32 || n%4 != 0 {
		return Seed{}, fmt.Errorf("%w: %d bytes of entropy", ErrPhrase, n)
	}
	if ext := extension.RevealBytes(); len(ext) > maxExtension || !utf8.Valid(ext) {
		return Seed{}, ErrExtension
	}
	return Seed{entropy: entropy, extension: extension, birth: birth}, nil
}

// Phrase returns the words, lower case, separated by single blanks. Together
// with the extension they are all that a user needs to restore the keys. (Users
// of P2PKH wallets know words of an older list for the same entropy.) The error
// is ErrWatchOnly where there are none.
func (s Seed) Phrase() (secret.Text, error) {
	if s.WatchOnly() {
		return secret.Text{}, ErrWatchOnly
	}
	words, err := bip39.NewMnemonic(s.entropy.Reveal())
	if err != nil {
		return secret.Text{}, fmt.Errorf("writing the seed phrase: %w", err)
	}
	return secret.NewText(words), nil
}

// Entropy returns what the words encode; empty if WatchOnly.
func (s Seed) Entropy() secret.Bytes { return s.entropy }

// Extension returns the BIP39 passphrase, empty for none.
func (s Seed) Extension() secret.Text { return s.extension }

// Birth is a time before which the seed was not used; zero when unknown.
func (s Seed) Birth() time.Time { return s.birth }

// Fresh tells that NewSeed just drew the seed, so that nobody has used it.
func (s Seed) Fresh() bool { return s.fresh }

// Wipe overwrites the seed. Copies share its secrets and become empty too.
func (s Seed) Wipe() {
	s.entropy.Wipe()
	s.extension.Wipe()
	s.master.Wipe()
}

// bip39Seed returns the 64 bytes from which BIP32 starts.
func (s Seed) bip39Seed() (secret.Bytes, error) {
	phrase, err := s.Phrase()
	if err != nil {
		return secret.Bytes{}, err
	}
	defer phrase.Wipe()
	return secret.NewBytes(bip39.NewSeed(phrase.Reveal(), norm.NFKD.String(s.extension.Reveal()))), nil
}
