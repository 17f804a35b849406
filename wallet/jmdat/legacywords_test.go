package jmdat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// hdVector is one known answer of the reference about derivation.
type hdVector struct {
	Kind       string
	Valid      bool
	Phrase     string
	Entropy    string
	Locktime   int64
	Timenumber int64
}

func TestWordList(t *testing.T) {
	words := electrum().words
	if len(words) != legacyWords || len(electrum().numbers) != legacyWords {
		t.Fatalf("%d words, %d different", len(words), len(electrum().numbers))
	}
	const want = "b329cea782bdd8b1de49bbb9fbdef9e8230e15eb08f0d7952613992246c38f96"
	if sum := sha256.Sum256([]byte(strings.Join(words, "\n"))); hex.EncodeToString(sum[:]) != want {
		t.Errorf("hash %x", sum)
	}
}

func TestLegacyPhrases(t *testing.T) {
	pairs := map[string]string{
		"0028644c0028644f0028645200286455": "spiral squeeze strain sunset suspend sympathy thigh throne total unseen weapon weary",
		"fa92999d01431f961a26c876f55d3f6c": "pair bury lung swim orange doctor numb interest shock bloom fragile screen",
	}
	for _, c := range vectors.Kind[hdVector](t, "hd.json", "legacy_encode", 6) {
		pairs[c.Entropy] = c.Phrase
	}
	for entropy, phrase := range pairs {
		got, err := LegacyPhrase(secret.NewBytes(unhex(entropy)))
		if err != nil || got.Reveal() != phrase {
			t.Errorf("%s: %q, %v, want %q", entropy, got.Reveal(), err, phrase)
		}
	}
	for _, c := range append(vectors.Kind[hdVector](t, "hd.json", "legacy_phrase", 6), vectors.Kind[hdVector](t, "hd.json", "legacy_encode", 6)...) {
		got, err := ParseLegacyPhrase(secret.NewText(c.Phrase))
		if (err == nil) != c.Valid || hex.EncodeToString(got.Reveal()) != c.Entropy && c.Valid {
			t.Errorf("%q: %x, %v, want %s", c.Phrase, got.Reveal(), err, c.Entropy)
		}
		if err != nil && !errors.Is(err, ErrLegacyPhrase) {
			t.Errorf("%q: %v", c.Phrase, err)
		}
	}
}

func TestW7LegacyPhraseErrors(t *testing.T) {
	words := electrum().words
	like := strings.Repeat("like ", 9)
	for name, phrase := range map[string]string{
		"13 words": like + "like like like like",
		// Three words can say numbers above 32 bits, which nothing encodes.
		"too high":  like + words[1625] + " " + words[1624] + " " + words[1623],
		"very long": strings.Repeat(" ", 2000) + like + "like like like",
	} {
		if _, err := ParseLegacyPhrase(secret.NewText(phrase)); !errors.Is(err, ErrLegacyPhrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := ParseLegacyPhrase(secret.NewText(like + "like like xylophone"))
	if err == nil || strings.Contains(err.Error(), "xylophone") || !strings.Contains(err.Error(), "word 12") {
		t.Errorf("error %v", err)
	}
	if _, err := LegacyPhrase(secret.NewBytes(make([]byte, 20))); !errors.Is(err, ErrLegacyPhrase) {
		t.Errorf("20 bytes: %v", err)
	}
}

// FuzzLegacyPhrase: every entropy has one phrase, and every phrase that is
// accepted is the one of its entropy.
func FuzzLegacyPhrase(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), "like like like like like like like like like like like like")
	f.Add(make([]byte, 16), "fail husband howl fail husband howl fail husband howl fail husband howl")
	f.Fuzz(func(t *testing.T, entropy []byte, phrase string) {
		words, err := LegacyPhrase(secret.NewBytes(bytes.Clone(entropy)))
		if (err == nil) != (len(entropy) == legacyEntropy) {
			t.Fatalf("%d bytes: %v", len(entropy), err)
		}
		if err == nil {
			again, err := ParseLegacyPhrase(words)
			if err != nil || !bytes.Equal(again.Reveal(), entropy) {
				t.Fatalf("%x comes back as %x, %v", entropy, again.Reveal(), err)
			}
		}
		parsed, err := ParseLegacyPhrase(secret.NewText(phrase))
		if err != nil {
			return
		}
		again, err := LegacyPhrase(parsed)
		if err != nil || again.Reveal() != strings.Join(strings.Fields(phrase), " ") {
			t.Fatalf("%q comes back as %q, %v", phrase, again.Reveal(), err)
		}
	})
}
