// Package chunk fits messages into IRC lines and puts them together again.
//
// A private message is cut into pieces; every line but the last ends with " ;",
// the last, also an only one, with " ~". A public line is never cut: its groups
// are packed into as few lines as hold them, and those with offers end with
// " ~" as well.
package chunk

import (
	"errors"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// MaxLine is the greatest length in bytes of a line as the client sends it,
// "PRIVMSG <target> :<text>", without the end of line. It leaves room in IRC's
// 512 for the prefix the server puts in front.
const MaxLine = 450

// MaxReceived is the greatest length in bytes of a text that is read at all.
// Servers pass on no more than 512, some with extensions 8191.
const MaxReceived = 8191

const (
	more = " ;" // the message goes on in another line
	last = " ~" // the message, or a line of offers, ends here
)

// Why a message or line is refused.
var (
	// ErrText: a character that would end or break the line (attack N21), or
	// any other outside printable ASCII.
	ErrText = errors.New("characters other than printable ASCII")
	// ErrTooLarge: longer than a message, a line or all lines may be.
	ErrTooLarge = errors.New("too long for an IRC line or message")
	// ErrPrefix: not the beginning of any command.
	ErrPrefix = errors.New("does not begin with '!'")
	// ErrMarker: a line of a private message without its end marker.
	ErrMarker = errors.New("without the marker of a private message")
	// ErrTarget: not one nick or room, so that the line would say something else.
	ErrTarget = errors.New("not the name of one nick or room")
	// ErrNick: the sender is no participant of the market.
	ErrNick = protocol.ErrNick
)

// room is how many bytes of text fit a line to target.
func room(target string) int { return MaxLine - len("PRIVMSG "+target+" :") }

// isTarget reports whether target is one parameter of an IRC line and names one
// receiver.
func isTarget(target string) bool {
	return target != "" && target[0] != ':' && protocol.Printable(target) && !strings.ContainsAny(target, " ,")
}

// Split cuts a private message to a nick into the texts of its lines. body is
// what follows the command's name and a space. Every piece is as long as the
// first one, which carries the command, so that all but the last piece have the
// length that the reference gives them.
func Split(to protocol.Nick, command, body string) ([]string, error) {
	limit := room(string(to)) - len("!"+command+" "+last)
	switch {
	case !isTarget(string(to)):
		return nil, ErrTarget
	case !protocol.Printable(command) || !protocol.Printable(body):
		return nil, ErrText
	case limit <= 0 || len(command)+len(body)+2 > protocol.MaxMessage:
		return nil, ErrTooLarge
	}
	text := "!" + command + " "
	var lines []string
	for len(body) > limit {
		lines = append(lines, text+body[:limit]+more)
		text, body = "", body[limit:]
	}
	return append(lines, text+body+last), nil
}

// Pack puts command groups, "!cancel 0" and the like, into as few lines to the
// room as hold them, in the order given. Offers share a line with offers and
// cancels with cancels; any other group has its own, as peers expect.
func Pack(channel string, groups []string) ([]string, error) {
	if !isTarget(channel) {
		return nil, ErrTarget
	}
	var lines []string
	for _, g := range groups {
		kind := kindOf(g)
		limit := room(channel) - len(kind.marker())
		switch {
		case !protocol.Printable(g):
			return nil, ErrText
		case strings.LastIndexByte(g, '!') != 0:
			return nil, ErrPrefix
		case len(g) > limit:
			return nil, ErrTooLarge
		}
		if n := len(lines) - 1; n >= 0 && kind != single && kind == kindOf(lines[n]) &&
			len(lines[n])+len(g) <= limit && strings.Count(lines[n], "!") < protocol.MaxGroups {
			lines[n] += g
			continue
		}
		lines = append(lines, g)
	}
	for i, l := range lines {
		lines[i] = l + kindOf(l).marker()
	}
	return lines, nil
}

// kind is what a public line is made of.
type kind int

const (
	single kind = iota
	cancels
	offers
)

// kindOf tells the kind of a line by its first group.
func kindOf(text string) kind {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "!"), " ")
	switch command := protocol.Command(name); {
	case command.Offer():
		return offers
	case command == protocol.CmdCancel:
		return cancels
	}
	return single
}

func (k kind) marker() string {
	if k == offers {
		return last
	}
	return ""
}

// Public reads the text of a line to the room: groups in printable ASCII. The
// marker that some lines end with is taken off.
func Public(text string) (string, error) {
	switch {
	case len(text) > MaxReceived:
		return "", ErrTooLarge
	case !protocol.Printable(text):
		return "", ErrText
	case !strings.HasPrefix(text, "!"):
		return "", ErrPrefix
	}
	return strings.TrimSuffix(text, last), nil
}
