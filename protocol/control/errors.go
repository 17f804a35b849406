package control

import (
	"errors"
	"fmt"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Code is the kind of an error that may cross the connection. It is itself an
// error, so that errors.Is(err, ErrState) holds on both sides of the wire:
// wrap it with %w and text that tells what happened.
type Code string

// The codes. A newer peer may send others; they arrive as an *Error that keeps
// code and text and is ErrRemote.
const (
	ErrMalformed     Code = "malformed"      // a frame or an answer is none of this protocol; ends the connection
	ErrVersion       Code = "version"        // no version in common; ends the connection
	ErrUnauthorized  Code = "unauthorized"   // the secret is missing or wrong; ends the connection
	ErrTimeout       Code = "timeout"        // no hello in time, or half a frame; ends the connection
	ErrSlow          Code = "slow"           // what we send is not read in time; ends the connection
	ErrClosed        Code = "closed"         // the connection is over; nothing is wrong with it
	ErrUnknownMethod Code = "unknown-method" // the method is not known, or not supported by this end
	ErrBadRequest    Code = "bad-request"    // a field is missing, malformed or out of its bounds
	ErrResume        Code = "resume"         // no session of this token: wrong, used or expired, it does not say which
	ErrState         Code = "state"          // the request may not come now
	ErrLimit         Code = "limit"          // too many at once: clients, requests, conversations
	ErrTooLarge      Code = "too-large"      // a frame or a message exceeds its limit
	ErrInternal      Code = "internal"       // the fault of the answering side; its log has the details
	ErrRemote        Code = "remote"         // stands for every code that is not in this list; never sent
)

var codeText = map[Code]string{
	ErrMalformed:     "message breaks the control protocol",
	ErrVersion:       "no protocol version in common",
	ErrUnauthorized:  "secret missing or wrong",
	ErrTimeout:       "the other side took too long",
	ErrSlow:          "the other side reads too slowly",
	ErrClosed:        "connection closed",
	ErrUnknownMethod: "unknown method",
	ErrBadRequest:    "bad request",
	ErrResume:        "no session to come back to",
	ErrState:         "not possible now",
	ErrLimit:         "limit reached",
	ErrTooLarge:      "too large",
	ErrInternal:      "internal error",
	ErrRemote:        "error of the other side",
}

// Error returns the code's meaning in words, or the code where it has none.
func (c Code) Error() string {
	if text, ok := codeText[c]; ok {
		return text
	}
	return string(c)
}

// Error is a coded error as it travels. errors.Is matches its Code.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"` // for people; at most 500 bytes, made printable on arrival
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the code.
func (e *Error) Unwrap() error { return e.Code }

// Is reports whether target is ErrRemote and this software does not know the
// code.
func (e *Error) Is(target error) bool {
	_, known := codeText[e.Code]
	return target == ErrRemote && !known
}

const maxMessage = 500

// wireError chooses what of err may leave the process: its text if a code
// stands in its chain, otherwise only that something failed.
func wireError(err error) *Error {
	var code Code
	if !errors.As(err, &code) {
		return &Error{ErrInternal, ErrInternal.Error() + ": the log of the answering side tells more"}
	}
	return &Error{code, printable(err.Error(), maxMessage)}
}

// received makes an error of the other side safe to print.
func (e *Error) received() *Error {
	code := Code(printable(string(e.Code), 40))
	if code == "" {
		code = ErrRemote
	}
	text := printable(e.Message, maxMessage)
	if text == "" {
		text = code.Error()
	}
	return &Error{code, text}
}

// FreeText makes a text fit for the field of an event: everything but printable
// ASCII becomes '?', and what exceeds protocol.MaxErrorText is cut off.
func FreeText(s string) string { return printable(s, protocol.MaxErrorText) }

// printable replaces everything but printable ASCII and cuts the text.
func printable(s string, limit int) string {
	s = s[:min(len(s), limit)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

func tooLarge(what string, size, limit int) error {
	return fmt.Errorf("%w: %s of %d bytes, limit %d", ErrTooLarge, what, size, limit)
}
