package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestSecretSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("correct horse\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	term := newTerminal(in, os.Stdout, os.Stderr)
	if _, err := out.WriteString("first line\nsecond line\n"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		source secretSource
		want   string
	}{
		{secretSource{file: file, fd: -1}, "correct horse"},
		{secretSource{fd: 0}, "first line"},
		{secretSource{fd: 0}, "second line"},
	} {
		got, named, err := c.source.read(term)
		if err != nil || !named || got.Reveal() != c.want {
			t.Errorf("%+v: %q, %v, %v; want %q", c.source, got.Reveal(), named, err, c.want)
		}
	}
	if _, named, err := (secretSource{fd: -1}).read(term); named || err != nil {
		t.Errorf("no source: %v, %v", named, err)
	}
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), maxSecret+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (secretSource{file: file, fd: -1}).read(term); err == nil {
		t.Error("a secret without bound is read")
	}

	// Reading a file must leave standard input alone: questions come later.
	runtime.GC()
	runtime.GC()
	if _, err := os.Stdin.Stat(); err != nil {
		t.Errorf("standard input after reading a file: %v", err)
	}
}

// Where no person watches, every change is a line and nothing is rewritten.
func TestPlainTalk(t *testing.T) {
	var talk bytes.Buffer
	term := &terminal{err: &talk}
	term.waiting("one")
	term.say("said %d", 1)
	term.waiting("two")
	term.waiting("")
	if got, want := talk.String(), "... one\nsaid 1\n... two\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := term.paint("1", "x"); got != "x" {
		t.Errorf("painted without colours: %q", got)
	}
}

// Where one does, talk never runs into the line that rewrites itself.
func TestLiveTalk(t *testing.T) {
	var talk bytes.Buffer
	term := &terminal{err: &talk, color: true}
	term.waiting("one")
	term.say("said")
	term.waiting("")
	parts := strings.Split(talk.String(), "\r\x1b[K")
	if len(parts) != 3 || parts[1] != "said\n"+parts[0] || parts[2] != "" {
		t.Errorf("%q", talk.String())
	}
}
