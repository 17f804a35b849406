package jmdat

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wordlist"
)

// The words of Electrum 1.x, one per line; their order is the meaning.
//
//go:embed electrum/words.txt
var electrumWords string

const (
	legacyWords   = 1626 // in the list
	legacyPhrase  = 12   // words in a phrase
	legacyEntropy = 16   // bytes; 4 for every 3 words
	maxPhrase     = 1024 // bytes
)

// wordList holds the list both ways round.
type wordList struct {
	words   []string
	numbers map[string]uint64
}

var electrum = sync.OnceValue(func() wordList {
	l := wordList{strings.Fields(electrumWords), make(map[string]uint64, legacyWords)}
	for i, word := range l.words {
		l.numbers[word] = uint64(i)
	}
	return l
})

// LegacyPhrase returns the 12 words for the entropy of a Legacy wallet, 16
// bytes.
func LegacyPhrase(entropy secret.Bytes) (secret.Text, error) {
	raw := entropy.Reveal()
	if len(raw) != legacyEntropy {
		return secret.Text{}, fmt.Errorf("%w: %d bytes of entropy instead of %d", ErrLegacyPhrase, len(raw), legacyEntropy)
	}
	const n = legacyWords
	words := electrum().words
	var phrase []byte
	for i := 0; i < len(raw); i += 4 {
		x := uint64(binary.BigEndian.Uint32(raw[i:]))
		w1 := x % n
		w2 := (x/n + w1) % n
		w3 := (x/n/n + w2) % n
		for _, w := range []uint64{w1, w2, w3} {
			if len(phrase) > 0 {
				phrase = append(phrase, ' ')
			}
			phrase = append(phrase, words[w]...)
		}
	}
	return secret.TextOf(phrase), nil
}

// ParseLegacyPhrase returns the entropy, 16 bytes, behind 12 words, separated
// by white space, lower case. Such a phrase has no checksum: exchanged words
// give another wallet. Every error is ErrLegacyPhrase and repeats no word; for one
// that is not in the list it is wordlist.UnknownError too.
func ParseLegacyPhrase(phrase secret.Text) (secret.Bytes, error) {
	fail := func(format string, args ...any) (secret.Bytes, error) {
		return secret.Bytes{}, fmt.Errorf("%w: %s", ErrLegacyPhrase, fmt.Sprintf(format, args...))
	}
	text := phrase.Reveal()
	if len(text) > maxPhrase {
		return fail("it is too long")
	}
	words := strings.Fields(text)
	if len(words) != legacyPhrase {
		return fail("it has %d words instead of %d", len(words), legacyPhrase)
	}
	const n = legacyWords
	var w [3]uint64
	entropy := make([]byte, 0, legacyEntropy)
	for i, word := range words {
		number, ok := electrum().numbers[word]
		if !ok {
			return secret.Bytes{}, fmt.Errorf("%w (old wallets, lower case): %w", ErrLegacyPhrase, wordlist.Unknown(electrum().words, word, i+1))
		}
		w[i%3] = number
		if i%3 < 2 {
			continue
		}
		x := w[0] + n*((n+w[1]-w[0])%n) + n*n*((n+w[2]-w[1])%n)
		if x > 1<<32-1 {
			return fail("words %d to %d do not occur together", i-1, i+1)
		}
		entropy = binary.BigEndian.AppendUint32(entropy, uint32(x))
	}
	return secret.NewBytes(entropy), nil
}
