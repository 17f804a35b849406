package onion

import (
	"errors"
	"fmt"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// ErrLine means that the text of a Public or Private is no line of the market.
var ErrLine = errors.New("not a line of the market")

// everybody is the addressee of public lines.
const everybody = "PUBLIC"

// Line is the text of a Public or Private: from!PUBLIC!... or from!to!....
type Line struct {
	// From is what the sender, or who passes it on, says. Nothing proves it.
	From protocol.Nick
	To   protocol.Nick // empty: everybody
	Body string        // printable ASCII, from the '!' before the first command on
}

// ParseLine reads the text of a message. The type must fit the addressee, which
// the reference does not ask for; both nicks must have the form of one. It fails
// with ErrLine.
func ParseLine(m Message) (Line, error) {
	from, rest, _ := strings.Cut(m.Text, "!")
	to, body, ok := strings.Cut(rest, "!")
	l := Line{From: protocol.Nick(from), Body: "!" + body}
	if to != everybody {
		l.To = protocol.Nick(to)
	}
	switch {
	case !ok || !l.From.Valid() || to != everybody && !l.To.Valid():
		return Line{}, fmt.Errorf("%w: want from!to!text", ErrLine)
	case !protocol.Printable(body):
		return Line{}, fmt.Errorf("%w: a byte that is not printable ASCII", ErrLine)
	case m.Type != l.Message().Type:
		return Line{}, fmt.Errorf("%w: the type %d does not fit the addressee", ErrLine, m.Type)
	}
	return l, nil
}

// Message is the message that ParseLine reads as l.
func (l Line) Message() Message {
	t, to := Private, string(l.To)
	if l.To == "" {
		t, to = Public, everybody
	}
	return Message{t, string(l.From) + "!" + to + l.Body}
}
