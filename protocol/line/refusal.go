package line

import (
	"errors"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// What can be wrong with a line, a group or a field, for errors.Is.
var (
	ErrUnknown  = errors.New("unknown command")
	ErrText     = errors.New("characters other than printable ASCII")
	ErrPrefix   = errors.New("does not begin with '!'")
	ErrGroups   = errors.New("too many command groups")
	ErrFlood    = errors.New("asks for the order book more than once")
	ErrMissing  = errors.New("field missing")
	ErrSurplus  = errors.New("more fields than the command has")
	ErrForm     = errors.New("not of the form the protocol prescribes")
	ErrNumber   = errors.New("not a whole number in range")
	ErrSize     = errors.New("too long or too short")
	ErrRepeated = errors.New("the same coin twice")
)

// Error says which field of which command is at fault. It repeats nothing of
// what the peer wrote, so it can be logged and shown as it is.
type Error struct {
	Command protocol.Command // empty when the line or its command is at fault
	Field   string           // as the table of package protocol calls it; empty for the whole
	Err     error            // one of the sentinels above

	// Offer is set when a replacement offer is refused although it names its
	// id: the offer known under that id no longer stands (protocol: offers,
	// "a broken replacement still withdraws the old offer").
	Offer *protocol.OfferID
}

func (e *Error) Error() string {
	switch {
	case e.Command == "":
		return e.Err.Error()
	case e.Field == "":
		return string(e.Command) + ": " + e.Err.Error()
	}
	return string(e.Command) + ": " + e.Field + ": " + e.Err.Error()
}

// Unwrap makes errors.Is find the sentinel.
func (e *Error) Unwrap() error { return e.Err }

// Reason is the code under which the refusal is counted and shown.
func (e *Error) Reason() protocol.Reason {
	if errors.Is(e.Err, ErrSize) || errors.Is(e.Err, ErrGroups) {
		return protocol.ReasonTooLarge
	}
	return protocol.ReasonMalformed
}
