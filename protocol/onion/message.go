package onion

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
)

// Errors of messages. A connection on which one comes is closed.
var (
	// ErrMessage: a line is no object with a type and a text.
	ErrMessage = errors.New("not a message of the onion channel")
	// ErrTooLong: a line is longer than MaxLine.
	ErrTooLong = errors.New("line of the onion channel is too long")
)

// ErrType means that a message of its type is never sent.
var ErrType = errors.New("messages of this type are not sent")

// Message is one line.
type Message struct {
	Type Type
	Text string
}

// ParseMessage reads a line without its end. It wants one JSON object (RFC 8259)
// in UTF-8 with a whole number "type" of 0..65535 and a string "line". Other keys
// are let pass, as the reference does; a key twice, fractions, numbers of more
// than 18 digits, lone surrogates, NUL, and more than four levels are not (attack
// N4). It fails with ErrMessage or ErrTooLong.
func ParseMessage(line []byte) (Message, error) {
	if len(line) > MaxLine {
		return Message{}, ErrTooLong
	}
	var m Message
	var hasType, hasText bool
	err := parseObject(string(line), func(key string, v value) (err error) {
		switch key {
		case "type":
			if v.kind != kindInteger || v.number < 0 || v.number > 1<<16-1 {
				return fmt.Errorf("%w: type is no number of 0 to 65535", errJSON)
			}
			m.Type, hasType = Type(v.number), true
		case "line":
			if v.kind != kindText {
				return fmt.Errorf("%w: line is no text", errJSON)
			}
			m.Text, hasText = v.text, true
		}
		return nil
	})
	switch {
	case err != nil:
		return Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	case !hasType || !hasText:
		return Message{}, fmt.Errorf("%w: type or line is missing", ErrMessage)
	}
	return m, nil
}

// Append appends the message as the reference writes it, with the end of the
// line. It fails with ErrTooLong, or with ErrType for an event within the
// reference, and then appends nothing.
func (m Message) Append(to []byte) ([]byte, error) {
	if m.Type.local() {
		return to, fmt.Errorf("%w: %d", ErrType, m.Type)
	}
	start := len(to)
	line := append(to, `{"type": `...)
	line = strconv.AppendUint(line, uint64(m.Type), 10)
	line = append(line, `, "line": `...)
	line = appendText(line, m.Text)
	line = append(line, '}')
	if len(line)-start > MaxLine {
		return to, ErrTooLong
	}
	return append(line, "\r\n"...), nil
}

// appendText appends a JSON string with everything but printable ASCII escaped,
// as the reference's writer does.
func appendText(to []byte, text string) []byte {
	to = append(to, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case ' ' <= r && r <= '~':
			to = append(to, byte(r))
		case r == '\n':
			to = append(to, `\n`...)
		case r == '\r':
			to = append(to, `\r`...)
		case r == '\t':
			to = append(to, `\t`...)
		case r == '\b':
			to = append(to, `\b`...)
		case r == '\f':
			to = append(to, `\f`...)
		case r < 1<<16:
			to = appendEscape(to, r)
		default:
			high, low := utf16.EncodeRune(r)
			to = appendEscape(appendEscape(to, high), low)
		}
	}
	return append(to, '"')
}

func appendEscape(to []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(to, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
