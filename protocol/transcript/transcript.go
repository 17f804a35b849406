// Package transcript reads the golden conversations: whole CoinJoins between
// reference programs, recorded line by line on an IRC server. Tests replay them
// to show that this program says what the reference would. It is no part of any
// program.
//
// A recorded line reads
//
//	11:20:57.047507 J5C2aPX1QYb5dMKg -> :6667 | PRIVMSG #pit :!orderbook
//
// time, whose connection, "->" sent or "<-" received, the server, and behind
// the bar the line as it was, or "#" and an event of the connection.
package transcript

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

//go:embed testdata/irc-*.txt
var golden embed.FS

const folder = "testdata"

// Conversation is one recording.
type Conversation struct {
	Name  string // of its file, without folder
	Lines []Line
}

// Golden returns all recordings; there is at least one.
func Golden() ([]Conversation, error) {
	files, err := golden.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []Conversation
	for _, f := range files {
		text, err := golden.ReadFile(folder + "/" + f.Name())
		if err != nil {
			return nil, err
		}
		lines, err := Parse(strings.NewReader(string(text)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		all = append(all, Conversation{f.Name(), lines})
	}
	return all, nil
}

// Line is one recorded line.
type Line struct {
	At     time.Time // of no particular day
	Who    string    // a nick, or "port39888" where the recording began later than the connection
	Sent   bool      // by Who, else received
	Server string
	Raw    string // without end of line; starts with "# " for an event
}

// ErrLine means that a text is no recorded line.
var ErrLine = errors.New("not a recorded line")

const clock = "15:04:05.000000"

// Parse reads recorded lines. A recording without any is an error.
func Parse(r io.Reader) ([]Line, error) {
	var lines []Line
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		l, err := parseLine(scanner.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(lines)+1, err)
		}
		lines = append(lines, l)
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%w: empty recording", ErrLine)
	}
	return lines, nil
}

func parseLine(text string) (Line, error) {
	head, raw, ok := strings.Cut(text, " | ")
	fields := strings.Split(head, " ")
	if !ok || len(fields) != 4 || fields[2] != "->" && fields[2] != "<-" {
		return Line{}, ErrLine
	}
	at, err := time.Parse(clock, fields[0])
	if err != nil || at.Format(clock) != fields[0] {
		return Line{}, ErrLine
	}
	return Line{at, fields[1], fields[2] == "->", fields[3], raw}, nil
}

// String writes the line as it was recorded.
func (l Line) String() string {
	arrow := "<-"
	if l.Sent {
		arrow = "->"
	}
	return l.At.Format(clock) + " " + l.Who + " " + arrow + " " + l.Server + " | " + l.Raw
}

// privmsg takes a PRIVMSG apart; ok is false for any other line. from is empty
// when Who sent it.
func (l Line) privmsg() (from protocol.Nick, target, text string, ok bool) {
	raw := l.Raw
	if !l.Sent {
		prefix, rest, _ := strings.Cut(raw, " ")
		nick, _, _ := strings.Cut(strings.TrimPrefix(prefix, ":"), "!")
		from, raw = protocol.Nick(nick), rest
	}
	raw, ok = strings.CutPrefix(raw, "PRIVMSG ")
	if !ok {
		return "", "", "", false
	}
	target, text, ok = strings.Cut(raw, " :")
	return from, target, text, ok
}
