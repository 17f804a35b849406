package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// terminal is how jm talks: data goes to out, talk and questions to err, so
// that a script can read the one without the other. Colours and lines that
// rewrite themselves appear only where a person watches.
type terminal struct {
	in    *os.File
	out   io.Writer
	err   io.Writer
	lines *bufio.Reader // over in

	canAsk  bool // in and err are a terminal
	watched bool // out is a terminal
	color   bool

	mu     sync.Mutex // guards what follows, and keeps lines of err whole
	status string     // the line that rewrites itself, if any is shown
}

func newTerminal(in, out, errw *os.File) *terminal {
	live := term.IsTerminal(int(errw.Fd()))
	return &terminal{
		in: in, out: out, err: errw, lines: bufio.NewReader(io.LimitReader(in, 1<<20)),
		canAsk:  live && term.IsTerminal(int(in.Fd())),
		watched: term.IsTerminal(int(out.Fd())),
		color:   live && os.Getenv("NO_COLOR") == "",
	}
}

// say prints a line of talk. Whatever is in it, it does nothing to the screen.
func (t *terminal) say(format string, args ...any) { t.sayIn("", fmt.Sprintf(format, args...)) }

// sayIn is say in an ANSI style; none if it is empty.
func (t *terminal) sayIn(style, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	text = visible(text)
	if style != "" {
		text = t.paint(style, text)
	}
	fmt.Fprintln(t.err, text)
	fmt.Fprint(t.err, t.status)
}

// waiting says what the program waits for: one line that rewrites itself for a
// person, a line for each change elsewhere. An empty text ends it.
func (t *terminal) waiting(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text = oneLine(text)
	if !t.color {
		if text != "" && text != t.status {
			fmt.Fprintln(t.err, "... "+text)
		}
		t.status = ""
		return
	}
	t.clear()
	t.status = ""
	if text != "" {
		t.status = "\x1b[2m... " + text + "\x1b[0m"
	}
	fmt.Fprint(t.err, t.status)
}

// clear wipes the line that rewrites itself. Call with mu held.
func (t *terminal) clear() {
	if t.status != "" {
		fmt.Fprint(t.err, "\r\x1b[K")
	}
}

// paint wraps text in an ANSI style where colours are shown.
func (t *terminal) paint(style, text string) string {
	if !t.color {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// errNoTerminal means that a question had to be asked where nobody can answer.
var errNoTerminal = errors.New("cannot ask: standard input is not a terminal")

// ask puts a question and reads one line.
func (t *terminal) ask(question string) (string, error) {
	if !t.canAsk {
		return "", errNoTerminal
	}
	t.waiting("")
	fmt.Fprint(t.err, visible(question))
	line, err := t.lines.ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// confirm asks a yes-or-no question until it is answered.
func (t *terminal) confirm(question string) (bool, error) {
	for {
		answer, err := t.ask(question + " (y/n): ")
		if err != nil {
			return false, err
		}
		switch {
		case strings.HasPrefix(strings.ToLower(answer), "y"):
			return true, nil
		case strings.HasPrefix(strings.ToLower(answer), "n"):
			return false, nil
		}
	}
}

// askSecret reads a line that is not shown.
func (t *terminal) askSecret(question string) (secret.Text, error) {
	if !t.canAsk {
		return secret.Text{}, errNoTerminal
	}
	t.waiting("")
	fmt.Fprint(t.err, visible(question))
	text, err := term.ReadPassword(int(t.in.Fd()))
	fmt.Fprintln(t.err)
	if err != nil {
		return secret.Text{}, fmt.Errorf("reading the secret: %w", err)
	}
	return secret.TextOf(text), nil
}

// askTwice asks for a new secret until two entries agree, and pass a check.
func (t *terminal) askTwice(question string, check func(secret.Text) error) (secret.Text, error) {
	for {
		first, err := t.askSecret(question)
		if err != nil {
			return first, err
		}
		if err := check(first); err != nil {
			t.say("%v", err)
			continue
		}
		second, err := t.askSecret("Again, to be sure: ")
		if err != nil {
			return first, err
		}
		if first.Reveal() == second.Reveal() && !first.Empty() {
			return first, nil
		}
		t.say("The two differ, or are empty. Once more.")
	}
}

// secretSource says where a secret comes from when it is not typed. A secret is
// never a flag: other users of the machine see a program's arguments.
type secretSource struct {
	file string // path; a trailing line end is not part of the secret
	fd   int    // file descriptor, -1 for none; 0 is standard input
	most int    // its greatest length in bytes; 0: maxSecret
}

const maxSecret = 4096 // bytes

// read returns the secret and whether a source was named at all.
func (s secretSource) read(t *terminal) (text secret.Text, named bool, err error) {
	data, named, err := s.bytes(t)
	if err != nil {
		return secret.Text{}, true, fmt.Errorf("reading the secret: %w", err)
	}
	if most := s.limit(); len(data) > most {
		return secret.Text{}, true, fmt.Errorf("the secret is longer than %d bytes", most)
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	return secret.TextOf(data), named, nil
}

func (s secretSource) limit() int { return cmp.Or(s.most, maxSecret) }

// asks reports that no source is named, so that the user is asked.
func (s secretSource) asks() bool { return s.file == "" && s.fd < 0 }

func (s secretSource) bytes(t *terminal) (data []byte, named bool, err error) {
	if s.asks() {
		return nil, false, nil
	}
	if s.file == "" && s.fd == 0 {
		data, err := t.lines.ReadBytes('\n')
		if err != nil && len(data) == 0 {
			return nil, true, err
		}
		return data, true, nil
	}
	var f *os.File
	if s.file != "" {
		if f, err = os.Open(s.file); err != nil {
			return nil, true, err
		}
	} else {
		f = os.NewFile(uintptr(s.fd), "secret")
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, int64(s.limit())+1))
	return data, true, err
}
