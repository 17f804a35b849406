// Package secret holds values that must not reach a screen, a log or a file by
// accident: passwords, phrases, keys.
//
// A secret prints as *** through fmt with every verb, log/slog, and anything
// that uses encoding.TextMarshaler, such as encoding/json. It stays hidden
// inside other structs too, in unexported fields as well. Reveal is the one way to read
// it, so that a search for that word finds every place that does.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const stars = "***"

// Bytes is a secret in binary form. The zero value is empty. Copies share one
// value: wiping one wipes all.
type Bytes struct{ hidden }

// NewBytes takes over b, which the caller must not use afterwards.
func NewBytes(b []byte) Bytes { return Bytes{hide(b)} }

// Reveal returns the secret itself, not a copy; it is valid until Wipe.
func (b Bytes) Reveal() []byte { return b.bytes() }

// Text is a secret that people type, such as a password. The zero value is
// empty. Copies share one value: wiping one wipes all.
type Text struct{ hidden }

// NewText copies s. The string itself cannot be wiped; where the text arrives
// as bytes, TextOf leaves no copy behind.
func NewText(s string) Text { return TextOf([]byte(s)) }

// TextOf takes over b, which the caller must not use afterwards.
func TextOf(b []byte) Text { return Text{hide(b)} }

// Reveal returns a copy of the text, which Wipe does not reach.
func (t Text) Reveal() string { return string(t.bytes()) }

// RevealBytes returns the text itself, not a copy; it is valid until Wipe.
func (t Text) RevealBytes() []byte { return t.bytes() }

// hidden has everything that Bytes and Text share. The bytes are two pointers
// away because fmt cannot call methods of unexported fields: it follows one
// pointer to a struct, but prints a pointer to a pointer as an address.
type hidden struct{ v **value }

type value struct{ b []byte }

func hide(b []byte) hidden {
	v := &value{b}
	return hidden{&v}
}

func (h hidden) bytes() []byte {
	if h.v == nil {
		return nil
	}
	return (*h.v).b
}

// Empty reports whether there is nothing to hide; true after Wipe.
func (h hidden) Empty() bool { return len(h.bytes()) == 0 }

// Wipe overwrites the secret with zeros and leaves it empty, for every copy of
// this value. It must not run at the same time as Reveal.
func (h hidden) Wipe() {
	if h.v == nil {
		return
	}
	clear((*h.v).b)
	(*h.v).b = nil
}

// Format implements fmt.Formatter: stars for every verb.
func (hidden) Format(s fmt.State, _ rune) { io.WriteString(s, stars) }

// String implements fmt.Stringer.
func (hidden) String() string { return stars }

// LogValue implements slog.LogValuer.
func (hidden) LogValue() slog.Value { return slog.StringValue(stars) }

// MarshalText implements encoding.TextMarshaler.
func (hidden) MarshalText() ([]byte, error) { return []byte(stars), nil }
