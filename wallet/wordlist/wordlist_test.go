package wordlist

import (
	"slices"
	"strings"
	"testing"

	"github.com/tyler-smith/go-bip39/wordlists"
)

func TestW7NearWords(t *testing.T) {
	for word, want := range map[string]string{
		"coyotee": "coyote", "cyote": "coyote", "cojote": "coyote", "coyoet": "coyote", // too many, missing, wrong, exchanged
		"abandoning": "abandon", // the first four letters tell
		"absetn":     "absent",
	} {
		err := Unknown(wordlists.English, word, 4)
		if near := err.Near(); len(near) == 0 || near[0] != want || len(near) > maxNear {
			t.Errorf("%s: %q, want %s", word, near, want)
		}
		if text := err.Error(); !strings.Contains(text, "word 4 ") || strings.Contains(text, want) || strings.Contains(text, word) {
			t.Errorf("D9: %s", text)
		}
	}
	for _, word := range []string{"", "\xff\xfe", "qqqqqqqq", strings.Repeat("coyote", 1000)} {
		if near := Unknown(wordlists.English, word, 1).Near(); len(near) > 0 {
			t.Errorf("%.20q: %q", word, near)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got, back := distance(c.a, c.b), distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%s and %s: %d, %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}

// FuzzNear: whatever is typed, what is named is in the list, and no mistake is
// no mistake.
func FuzzNear(f *testing.F) {
	f.Add("coyotee")
	f.Fuzz(func(t *testing.T, word string) {
		for _, w := range Unknown(wordlists.English, word, 1).Near() {
			if !slices.Contains(wordlists.English, w) {
				t.Errorf("%q", w)
			}
		}
		if len(word) <= maxWord && distance(word, word) != 0 {
			t.Errorf("%q differs from itself", word)
		}
	})
}
