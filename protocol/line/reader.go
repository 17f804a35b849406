package line

import (
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// reader takes the fields of one group from left to right and remembers the
// first thing wrong with them, so that a command's file reads like its grammar.
// After a failure every further field is empty.
type reader struct {
	command protocol.Command
	rest    string
	more    bool // rest starts with one more field
	err     *Error
}

func newReader(group string) *reader {
	name, rest, more := strings.Cut(group, " ")
	return &reader{command: protocol.Command(name), rest: rest, more: more}
}

func (r *reader) fail(field string, err error) {
	if r.err == nil {
		r.err = &Error{Command: r.command, Field: field, Err: err}
	}
}

// field takes the next field. Fields are separated by exactly one space, so two
// spaces enclose an empty field.
func (r *reader) field(name string) string {
	if !r.more {
		r.fail(name, ErrMissing)
	}
	if r.err != nil {
		return ""
	}
	var field string
	field, r.rest, r.more = strings.Cut(r.rest, " ")
	return field
}

// end refuses surplus fields.
func (r *reader) end() {
	if r.more {
		r.fail("", ErrSurplus)
	}
}

// endPublic is end for what is said in the room: a peer on IRC may end the line
// with the marker " ~", which then looks like one surplus field (protocol:
// public lines).
func (r *reader) endPublic() {
	if r.rest == "~" {
		r.more = false
	}
	r.end()
}

// number takes a whole number 0..limit.
func (r *reader) number(name string, limit int64) int64 {
	n, ok := protocol.ParseNumber(r.field(name), limit)
	if !ok {
		r.fail(name, ErrNumber)
	}
	return n
}

// amount takes satoshis, 0..sats.Max.
func (r *reader) amount(name string) sats.Amount {
	return sats.Amount(r.number(name, int64(sats.Max)))
}

// hex takes the given number of bytes as lower-case hex.
func (r *reader) hex(name string, size int) string {
	text := r.field(name)
	if !protocol.IsHex(text, size) {
		r.fail(name, ErrForm)
	}
	return text
}

// commitment takes 32 committed bytes behind a type letter, or without one when
// the command leaves it out. Digits may come in either case, for all spellings
// of a value must be known as the same one (attack M1); they are kept in lower
// case.
func (r *reader) commitment(prefix string) protocol.Commitment {
	b, err := protocol.Commitment(prefix + r.field("commitment")).Bytes()
	if err != nil {
		r.fail("commitment", ErrForm)
	}
	return protocol.NewCommitment(b)
}

// base64 takes strict base64 of least..most bytes and returns its text.
func (r *reader) base64(name string, least, most int) string {
	text := r.field(name)
	r.bytes(name, text, least, most)
	return text
}

// bytes decodes strict base64 of least..most bytes. The text's length is checked
// before anything is decoded.
func (r *reader) bytes(name, text string, least, most int) []byte {
	if len(text) > (most+2)/3*4 {
		r.fail(name, ErrSize)
		return nil
	}
	b, err := b64.Decode(text, most+2)
	switch {
	case err != nil:
		r.fail(name, ErrForm)
	case len(b) < least || len(b) > most:
		r.fail(name, ErrSize)
	}
	return b
}

func appendField(dst []byte, field string) []byte {
	return append(append(dst, ' '), field...)
}
