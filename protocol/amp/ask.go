package amp

import (
	"fmt"
	"strings"
)

// Keys that are no arguments.
const (
	keyAsk         = "_ask"
	keyAnswer      = "_answer"
	keyCommand     = "_command"
	keyError       = "_error"
	keyCode        = "_error_code"
	keyDescription = "_error_description"

	keyAccepted = "accepted" // the one field of every answer
)

// Codes of error boxes.
const (
	CodeUnknown   = "UNKNOWN"   // anything went wrong; who answers so closes the connection
	CodeUnhandled = "UNHANDLED" // no such command; the connection goes on
)

// Ask is a request of the other side. It must be answered once, by one of its
// methods; if the other side wants no answer none is sent.
type Ask struct {
	Command string
	Box     Box // the arguments, among other keys

	conn   *Conn
	tag    string
	wanted bool
}

// Accept answers: done, or not to be done. Reference clients end their process
// when they are told the latter.
func (a Ask) Accept(ok bool) { a.answer(Box{keyAnswer: a.tag, keyAccepted: Boolean(ok)}) }

// Refuse answers with an error box.
func (a Ask) Refuse(code, description string) {
	a.answer(Box{keyError: a.tag, keyCode: code, keyDescription: description})
}

// Unhandled answers that there is no such command, and goes on; but who wants no
// answer is disconnected, as with the reference.
func (a Ask) Unhandled() {
	if !a.wanted {
		a.conn.Abort(fmt.Errorf("%w: command %.40q is unknown", ErrMalformed, a.Command))
	}
	a.Refuse(CodeUnhandled, "Unhandled Command: "+quote(a.Command))
}

// Fail answers with the reference's one error for all faults, which says nothing
// of err, and ends the connection because of err.
func (a Ask) Fail(err error) {
	a.Refuse(CodeUnknown, "Unknown Error")
	a.conn.Abort(err)
}

func (a Ask) answer(b Box) {
	if !a.wanted {
		return
	}
	if err := a.conn.send(b); err != nil { // a tag of the greatest size fits as well
		a.conn.Abort(err)
	}
}

// take works off one box.
func (c *Conn) take(b Box, asked func(Ask)) error {
	if tag, ok := b[keyAnswer]; ok {
		w, err := c.answered(tag)
		if err != nil {
			return err
		}
		args := b.Args()
		accepted := args.Boolean(keyAccepted)
		if err := args.Err(); err != nil {
			return fmt.Errorf("%w: answer to %s: %w", ErrMalformed, w.command, err)
		}
		if w.answered != nil {
			w.answered(accepted)
		} else if !accepted {
			return fmt.Errorf("%w: %s", ErrRefused, w.command)
		}
		return nil
	}
	if tag, ok := b[keyError]; ok {
		w, err := c.answered(tag)
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: %s: %.40q, %.100q", ErrRefused, w.command, b[keyCode], b[keyDescription])
	}
	command, ok := b[keyCommand]
	if !ok {
		return fmt.Errorf("%w: a box that is no ask and no answer", ErrMalformed)
	}
	ask := Ask{Command: command, Box: b, conn: c}
	ask.tag, ask.wanted = b[keyAsk]
	asked(ask)
	return nil
}

// answered takes out the ask with a tag.
func (c *Conn) answered(tag string) (waiting, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.waiting[tag]
	if !ok && c.err == nil {
		return w, fmt.Errorf("%w: an answer to nothing", ErrMalformed)
	}
	delete(c.waiting, tag)
	return w, nil
}

// quote writes bytes as the reference's language shows them.
func quote(text string) string {
	mark := byte('\'')
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		mark = '"'
	}
	quoted := []byte{'b', mark}
	for i := range len(text) {
		switch c := text[i]; {
		case c == mark || c == '\\':
			quoted = append(quoted, '\\', c)
		case c == '\n':
			quoted = append(quoted, `\n`...)
		case c == '\r':
			quoted = append(quoted, `\r`...)
		case c == '\t':
			quoted = append(quoted, `\t`...)
		case c < ' ' || c > '~':
			quoted = fmt.Appendf(quoted, `\x%02x`, c)
		default:
			quoted = append(quoted, c)
		}
	}
	return string(append(quoted, mark))
}
