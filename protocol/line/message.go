// Package line turns command groups into typed messages and back, one file per
// command.
//
// A group comes without its '!'. What a peer sends is read strictly: numbers
// are plain ASCII digits without sign or leading zero, hex is lower case (but
// for commitments, which the reference compares regardless of case), base64 is canonical. A field that
// breaks its grammar refuses the message with an Error that names it.
// Where peers force tolerance, the file of the command says so; what was
// tolerated is not written back: Append writes the one canonical form, and
// every canonical form parses to what was written.
package line

import (
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Message is a command group that travels as it is: Orderbook, Offer, TBond,
// Cancel, Fill, PubKey, Error, Push, HP2, and Sealed for the four commands
// whose fields are boxed.
type Message interface {
	// Command is the name behind the '!'.
	Command() protocol.Command
	// appendFields writes the fields, each preceded by one space.
	appendFields(dst []byte) []byte
}

// Content is what a Sealed message says once its box is open: Auth, IOAuth, Tx
// or Sig. It is no Message, so that it cannot be sent in the clear by mistake.
type Content interface {
	// Command is the name in front of the box.
	Command() protocol.Command
	plaintext() string
}

// Parse reads one plaintext group, "fill 0 50000000 8778... P1aa...". The error
// is an *Error.
func Parse(group string) (Message, error) {
	r := newReader(group)
	var m Message
	switch {
	case r.command.Offer():
		m = readOffer(r)
	case r.command.Sealed():
		m = readSealed(r)
	default:
		switch r.command {
		case protocol.CmdOrderbook:
			m = readOrderbook(r)
		case protocol.CmdTBond:
			m = readTBond(r)
		case protocol.CmdCancel:
			m = readCancel(r)
		case protocol.CmdFill:
			m = readFill(r)
		case protocol.CmdPubKey:
			m = readPubKey(r)
		case protocol.CmdError:
			m = readError(r)
		case protocol.CmdPush:
			m = readPush(r)
		case protocol.CmdHP2:
			m = readHP2(r)
		default:
			return nil, &Error{Err: ErrUnknown}
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// ParseSealed reads the plaintext found in the box of a sealed command. The
// error is an *Error.
func ParseSealed(command protocol.Command, plaintext string) (Content, error) {
	r := &reader{command: command, rest: plaintext, more: true}
	var c Content
	switch command {
	case protocol.CmdAuth:
		c = readAuth(r)
	case protocol.CmdIOAuth:
		c = readIOAuth(r)
	case protocol.CmdTx:
		c = readTx(r)
	case protocol.CmdSig:
		c = readSig(r)
	default:
		return nil, &Error{Err: ErrUnknown}
	}
	r.end()
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

// Append writes "!name field field" behind dst.
func Append(dst []byte, m Message) []byte {
	dst = append(dst, '!')
	dst = append(dst, m.Command()...)
	return m.appendFields(dst)
}

// Fields writes the fields of m without its name, as the first group of a
// private message wants them: "0 50000000 8778... P1aa...".
func Fields(m Message) string {
	if b := m.appendFields(nil); len(b) > 0 {
		return string(b[1:])
	}
	return ""
}

// Plaintext writes what goes into the box of c's command.
func Plaintext(c Content) string { return c.plaintext() }

// Sealed is one of the four boxed commands with its box unopened.
type Sealed struct {
	Name protocol.Command
	Box  string // base64 of nonce and box
}

// Command implements Message.
func (m Sealed) Command() protocol.Command { return m.Name }

func (m Sealed) appendFields(dst []byte) []byte { return appendField(dst, m.Box) }

// minBox is the nonce, the tag and one byte; maxBox what fits a message.
const (
	minBox = 24 + 16 + 1
	maxBox = protocol.MaxMessage * 3 / 4
)

// readSealed takes exactly one field: a second group or field behind a box was
// never sent by anybody.
func readSealed(r *reader) Sealed {
	m := Sealed{Name: r.command, Box: r.base64("box", minBox, maxBox)}
	r.end()
	return m
}
