package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentences is a log for people: an event is one plain line of talk, such as
//
//	Warning: the state of the chain was not stored: no space left on device
//
// with colour where there is any. The files keep the structured form.
type sentences struct {
	t     *terminal
	attrs []slog.Attr // of With, the groups in their names
	group string      // with a point behind it, or empty
}

// Enabled implements slog.Handler: what surrounds it decides.
func (s sentences) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (s sentences) Handle(_ context.Context, r slog.Record) error {
	attrs := slices.Clone(s.attrs)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, s.named(a))
		return true
	})
	text, because, rest := oneLine(r.Message), "", []string(nil)
	for _, a := range attrs {
		switch value := oneLine(a.Value.Resolve().String()); {
		case value == "":
		case because == "" && (a.Key == "err" || a.Key == "reason"):
			because = ": " + value
		default:
			rest = append(rest, oneLine(a.Key)+" "+value)
		}
	}
	if len(rest) > 0 {
		text += " (" + strings.Join(rest, ", ") + ")"
	}
	text += because
	switch {
	case r.Level >= slog.LevelError:
		s.t.sayIn("31", "Error: "+text)
	case r.Level >= slog.LevelWarn:
		s.t.sayIn("33", "Warning: "+text)
	default:
		s.t.sayIn("2", capital(text))
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (s sentences) WithAttrs(attrs []slog.Attr) slog.Handler {
	s.attrs = slices.Clone(s.attrs)
	for _, a := range attrs {
		s.attrs = append(s.attrs, s.named(a))
	}
	return s
}

// WithGroup implements slog.Handler.
func (s sentences) WithGroup(name string) slog.Handler {
	if name != "" {
		s.group += name + "."
	}
	return s
}

func (s sentences) named(a slog.Attr) slog.Attr {
	a.Key = s.group + a.Key
	return a
}

// capital begins a text with a capital letter.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
