package transcript

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
)

// Message is a whole message of the market, as one participant saw it.
type Message struct {
	At   time.Time // its last line
	Sent bool      // by the participant, else received
	From protocol.Nick
	To   protocol.Nick // empty for the room
	Room string        // empty for a nick
	// Text is what the channel delivers: "!cmd fields" from the room, "!cmd msg
	// pubkey signature" in private; without the markers of package chunk.
	Text string
	// Lines are the texts of the lines it travelled in, markers included.
	Lines []string
}

// Command is the name of the first group.
func (m Message) Command() protocol.Command {
	name, _, _ := strings.Cut(strings.TrimPrefix(m.Text, "!"), " ")
	return protocol.Command(name)
}

// Taker is the participant that filled offers.
func (c Conversation) Taker() (protocol.Nick, error) {
	for _, who := range c.participants() {
		messages, err := c.Seen(who)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(messages, func(m Message) bool { return m.Sent && m.Command() == protocol.CmdFill }) {
			return who, nil
		}
	}
	return "", fmt.Errorf("%s: nobody fills an offer", c.Name)
}

// Makers are the other participants, in the order of their appearance.
func (c Conversation) Makers() ([]protocol.Nick, error) {
	taker, err := c.Taker()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(c.participants(), func(n protocol.Nick) bool { return n == taker }), nil
}

// Seen returns every message that a participant sent or received, put together,
// in the order of their last lines.
func (c Conversation) Seen(by protocol.Nick) ([]Message, error) {
	var now time.Time
	clock := func() time.Time { return now }
	sent, received := newPieces(clock), newPieces(clock)
	nicks := c.nicks()
	var messages []Message
	for i, l := range c.Lines {
		from, target, text, ok := l.privmsg()
		if !ok || nicks[l.Who] != by {
			continue
		}
		now = l.At
		m := Message{At: l.At, Sent: l.Sent, From: from}
		if l.Sent {
			m.From = by
		}
		whole, err := true, error(nil)
		if strings.HasPrefix(target, "#") {
			m.Room, m.Lines = target, []string{text}
			m.Text, err = chunk.Public(text)
		} else {
			m.To = protocol.Nick(target)
			if l.Sent {
				whole, err = sent.add(&m, m.To, text)
			} else {
				whole, err = received.add(&m, m.From, text)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", c.Name, i+1, err)
		}
		if whole {
			messages = append(messages, m)
		}
	}
	return messages, nil
}

// pieces joins the messages of one direction, keyed by the other side.
type pieces struct {
	joiner *chunk.Joiner
	lines  map[protocol.Nick][]string
}

func newPieces(now func() time.Time) *pieces {
	return &pieces{chunk.NewJoiner(now), make(map[protocol.Nick][]string)}
}

// add completes m when text is its last line.
func (p *pieces) add(m *Message, peer protocol.Nick, text string) (whole bool, err error) {
	p.lines[peer] = append(p.lines[peer], text)
	if m.Text, whole, err = p.joiner.Add(peer, text); whole {
		m.Lines = p.lines[peer]
		delete(p.lines, peer)
	}
	return whole, err
}

// participants are the nicks whose connections were recorded, in the order of
// their appearance.
func (c Conversation) participants() []protocol.Nick {
	nicks := c.nicks()
	var all []protocol.Nick
	for _, l := range c.Lines {
		if n := nicks[l.Who]; n != "" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// nicks maps connections to nicks. A connection recorded without its
// registration is known by the target of what it received.
func (c Conversation) nicks() map[string]protocol.Nick {
	nicks := make(map[string]protocol.Nick)
	for _, l := range c.Lines {
		if n := protocol.Nick(l.Who); n.Valid() {
			nicks[l.Who] = n
		} else if _, target, _, ok := l.privmsg(); ok && !l.Sent && protocol.Nick(target).Valid() {
			nicks[l.Who] = protocol.Nick(target)
		}
	}
	return nicks
}
