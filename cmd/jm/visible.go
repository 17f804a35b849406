package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible is a text as it may be shown on a terminal: whatever would change the
// screen, or the order of what is on it, is written as an escape sequence of Go,
// such as \x1b or \u202e. Line ends and tabs stay (attack T17).
func visible(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r == utf8.RuneError || hides(r) }) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch part := text[:size]; {
		case r == utf8.RuneError && size == 1, hides(r):
			quoted := strconv.QuoteToASCII(part)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(part)
		}
		text = text[size:]
	}
	return b.String()
}

// hides tells of a character whether it does something else than to be seen.
func hides(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }

// oneLine is a text of somebody else, which must not begin a line of its own.
func oneLine(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(visible(text))
}
