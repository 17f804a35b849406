package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// nasty are texts that move the cursor, colour, ring, turn the order of reading
// around, hide, or are no text at all; and how each is shown.
var nasty = map[string]string{
	"\x1b[2J\x1b[1;31mgone":    `\x1b[2J\x1b[1;31mgone`,
	"\x1b]0;title\x07":         `\x1b]0;title\a`,
	"\u009b2J":                 `\u009b2J`,
	"you get \u202e021\u202c!": `you get \u202e021\u202c!`,
	"\u2066a\u2069\u200f":      `\u2066a\u2069\u200f`,
	"ze\u200bro\ufeff":         `ze\u200bro\ufeff`,
	"over\rwritten\b":          `over\rwritten\b`,
	"not \xff text\xe2\x80":    `not \xff text\xe2\x80`,
	"next\u2028line\u2029\x00": `next\u2028line\u2029\x00`,
}

// TestT17TerminalText: however a text comes to the terminal, nothing in it does
// something to the screen, and a stranger's words begin no line of their own.
func TestT17TerminalText(t *testing.T) {
	var shown bytes.Buffer
	term := &terminal{err: &shown, out: &shown}
	a := &app{term: term}
	for text, want := range nasty {
		for name, show := range map[string]func(){
			"say":     func() { term.say("%s", text) },
			"waiting": func() { term.waiting(text) },
			"status":  func() { term.color = true; term.waiting(text); term.color = false },
			"alert":   func() { a.channelAlert(control.AlertEvent{Channel: "one", Text: text}) },
			"channel": func() { a.channelProgress(control.ChannelEvent{Channel: "one", Reason: text}) },
			"nick":    func() { a.tell(maker.Signed{Taker: protocol.Nick(text)}) },
			"refusal": func() { a.tell(maker.Refused{Taker: "J5x", Err: errors.New(text)}) },
			"daemon":  func() { a.tell(maker.Lost{Err: errors.New(text)}) },
		} {
			shown.Reset()
			show()
			got := shown.String()
			term.status = ""
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in %q", name, want, got)
			}
			if name == "status" {
				got = strings.TrimSuffix(strings.TrimPrefix(got, "\x1b[2m"), "\x1b[0m")
			}
			if strings.ContainsFunc(got, func(r rune) bool { return r == utf8.RuneError || hides(r) }) {
				t.Errorf("%s of %q shows %q", name, text, got)
			}
		}
	}
	for name, show := range map[string]func(string){
		"refusal": func(s string) { a.tell(maker.Refused{Taker: "J5x", Err: errors.New(s)}) },
		"nick":    func(s string) { a.tell(maker.Revealed{Taker: protocol.Nick(s)}) },
	} {
		shown.Reset()
		show("a\njm: your wallet is locked, type the password\n\tb")
		if strings.Count(shown.String(), "\n") != 1 {
			t.Errorf("%s: a stranger begins a line: %q", name, shown.String())
		}
	}
}

// FuzzVisible: what is shown has nothing that hides, and is the text if that had
// nothing either.
func FuzzVisible(f *testing.F) {
	for text := range nasty {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := visible(text)
		for _, r := range got {
			if r != '\n' && r != '\t' && !unicode.IsPrint(r) || r == utf8.RuneError && !strings.ContainsRune(text, utf8.RuneError) {
				t.Fatalf("%q shows %q", text, got)
			}
		}
		if visible(got) != got || strings.ContainsAny(oneLine(text), "\n\t") {
			t.Fatalf("%q: %q is not stable, or has lines", text, got)
		}
	})
}
