package line

import (
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// ErrorText tells a counterparty that its message was refused, and why. It ends
// nothing and proves nothing; never act on it beyond a hint.
//
//	!error <text with spaces>
type ErrorText struct {
	Text string // printable ASCII without '!', 1..protocol.MaxErrorText bytes
}

// Command implements Message.
func (ErrorText) Command() protocol.Command { return protocol.CmdError }

func (m ErrorText) appendFields(dst []byte) []byte { return appendField(dst, m.Text) }

// readError takes all that is left, for the reference puts any text there, and
// cuts it at protocol.MaxErrorText.
func readError(r *reader) ErrorText {
	text := r.rest
	switch {
	case text == "":
		r.fail("text", ErrMissing)
	case !protocol.Printable(text) || strings.Contains(text, "!"):
		r.fail("text", ErrText)
	}
	return ErrorText{text[:min(len(text), protocol.MaxErrorText)]}
}
