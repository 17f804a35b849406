package chunk

import (
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Bounds of a Joiner (protocol: chunking; attack N5). A message of
// protocol.MaxMessage takes under a hundred lines and, at the pace of IRC, two
// minutes.
const (
	maxPieces  = 128
	maxAge     = 300 * time.Second // since the first piece
	maxBuffers = 256
	maxTotal   = 4 << 20 // bytes in all buffers
)

// Joiner puts the private messages of one connection together, one buffer per
// sender. A sender's mistake drops that sender's buffer only. When all buffers
// are in use, the one longest without a new piece gives way: a flood of
// beginnings then costs other floods before a message that is arriving.
//
// A Joiner is not safe for concurrent use.
type Joiner struct {
	now     func() time.Time
	buffers map[protocol.Nick]*buffer
	total   int // bytes in all buffers
}

type buffer struct {
	text           []byte
	pieces         int
	began, touched time.Time
}

// NewJoiner returns a Joiner that reads the time from now.
func NewJoiner(now func() time.Time) *Joiner {
	return &Joiner{now: now, buffers: make(map[protocol.Nick]*buffer)}
}

// Add takes the text of one line sent to us and returns the whole message,
// without markers, once its last line has come. An error says why the line, and
// what this sender had begun, was dropped.
func (j *Joiner) Add(from protocol.Nick, text string) (whole string, done bool, err error) {
	if !from.Valid() {
		return "", false, ErrNick
	}
	now := j.now()
	b := j.buffers[from]
	if b != nil && now.Sub(b.began) > maxAge {
		j.Drop(from)
		b = nil
	}
	piece, ends, err := readPiece(text, b == nil)
	switch {
	case err != nil:
		j.Drop(from)
		return "", false, err
	case b == nil && ends:
		return piece, true, nil
	case b == nil:
		b = j.begin(from, now)
	}
	if len(b.text)+len(piece) > protocol.MaxMessage || b.pieces == maxPieces {
		j.Drop(from)
		return "", false, ErrTooLarge
	}
	b.text = append(b.text, piece...)
	b.pieces++
	b.touched = now
	j.total += len(piece)
	if ends {
		j.Drop(from)
		return string(b.text), true, nil
	}
	for j.total > maxTotal {
		j.dropIdlest()
	}
	return "", false, nil
}

// readPiece takes the marker off a line. The reference cuts two characters
// whatever they are; here the blank must be there.
func readPiece(text string, first bool) (piece string, ends bool, err error) {
	switch {
	case len(text) > MaxReceived:
		return "", false, ErrTooLarge
	case !protocol.Printable(text):
		return "", false, ErrText
	case first && !strings.HasPrefix(text, "!"):
		return "", false, ErrPrefix
	}
	if piece, ok := strings.CutSuffix(text, last); ok {
		return piece, true, nil
	}
	if piece, ok := strings.CutSuffix(text, more); ok {
		return piece, false, nil
	}
	return "", false, ErrMarker
}

// begin makes a buffer for a sender that has none.
func (j *Joiner) begin(from protocol.Nick, now time.Time) *buffer {
	for nick, b := range j.buffers {
		if now.Sub(b.began) > maxAge {
			j.Drop(nick)
		}
	}
	if len(j.buffers) == maxBuffers {
		j.dropIdlest()
	}
	b := &buffer{began: now, touched: now}
	j.buffers[from] = b
	return b
}

// Drop forgets what a nick has begun. The channel calls it when the nick quits,
// parts, is kicked or takes another name.
func (j *Joiner) Drop(nick protocol.Nick) {
	if b := j.buffers[nick]; b != nil {
		j.total -= len(b.text)
		delete(j.buffers, nick)
	}
}

// dropIdlest forgets the buffer that has waited longest for its next piece.
func (j *Joiner) dropIdlest() {
	var idlest protocol.Nick
	for nick, b := range j.buffers {
		if idlest == "" || b.touched.Before(j.buffers[idlest].touched) {
			idlest = nick
		}
	}
	j.Drop(idlest)
}
