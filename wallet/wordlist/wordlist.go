// Package wordlist explains a word that is not in the list of words of a seed
// phrase: where it stands, and which words it may stand for.
package wordlist

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// UnknownError says that a word of a phrase is not in the list. Its text repeats
// nothing of the phrase, so that it may be logged; what Near returns is for the
// eyes of whoever typed the phrase.
type UnknownError struct {
	Position int // of the word, counted from 1
	near     []string
}

// Bounds of a search for near words.
const (
	maxNear     = 3  // words that are named
	maxDistance = 2  // mistakes
	maxWord     = 32 // bytes; longer ones are like no word
	uniqueStart = 4  // letters that tell the words of BIP39 apart
)

// Unknown makes the error for a word at a position of a phrase.
func Unknown(list []string, word string, position int) *UnknownError {
	return &UnknownError{position, near(list, word)}
}

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("word %d is not in the list; check its spelling and write it in full", e.Position)
}

// Near returns up to three words of the list that differ little, the nearest
// first.
func (e *UnknownError) Near() []string { return e.near }

func near(list []string, word string) []string {
	if len(word) > maxWord || !utf8.ValidString(word) {
		return nil
	}
	type candidate struct {
		word     string
		distance int
	}
	var found []candidate
	for _, w := range list {
		d := distance(word, w)
		if len(w) >= uniqueStart && len(word) >= uniqueStart && w[:uniqueStart] == word[:uniqueStart] {
			d = min(d, 1)
		}
		if d <= maxDistance && d < len(w)-1 {
			found = append(found, candidate{w, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	words := []string{}
	for _, c := range found[:min(len(found), maxNear)] {
		words = append(words, c.word)
	}
	return words
}

// distance counts the mistakes between two words: letters too many, missing,
// wrong, or exchanged with the next one.
func distance(a, b string) int {
	// rows[k] has the distances of the beginnings of a of length i-k.
	var rows [3][]int
	for k := range rows {
		rows[k] = make([]int, len(b)+1)
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		rows[0], rows[1], rows[2] = rows[2], rows[0], rows[1]
		rows[0][0] = i
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			rows[0][j] = min(rows[1][j]+1, rows[0][j-1]+1, rows[1][j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[0][j] = min(rows[0][j], rows[2][j-2]+1)
			}
		}
	}
	return rows[0][len(b)]
}
