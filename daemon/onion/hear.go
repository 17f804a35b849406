package onion

import (
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// read takes a line apart that may be for us; mu is held. Who is at the other end
// of a direct connection speaks for itself only.
func (c *Channel) read(l *link, m onion.Message) (onion.Line, bool) {
	line, err := onion.ParseLine(m)
	switch {
	case err != nil:
		c.drop(count.DropLine)
	case line.From == c.cfg.Nick || line.To != "" && line.To != c.cfg.Nick || l.dir == nil && line.From != l.nick:
		c.drop(count.DropStranger)
	default:
		return line, true
	}
	return onion.Line{}, false
}

// hearPublic takes a public line; mu is held. Its sender is hearsay.
func (c *Channel) hearPublic(l *link, m onion.Message) {
	line, ok := c.read(l, m)
	if !ok {
		return
	}
	if l.dir == nil && (!isQuestion(line.Body) || !l.proven && c.heardOf(line.From)) {
		c.drop(count.DropStranger) // who is there may ask for another, and nothing else (attack N14)
		return
	}
	if c.note(l, line); c.heard.again(string(line.From), line.Body, time.Now()) {
		return
	}
	c.emit(channel.Public{From: line.From, Text: line.Body})
}

// hearPrivate takes a private message; mu is held.
func (c *Channel) hearPrivate(l *link, m onion.Message) {
	line, ok := c.read(l, m)
	if !ok {
		return
	}
	if c.note(l, line); c.heard.again(string(line.From), line.Body, time.Now()) {
		return
	}
	c.emit(channel.Private{From: line.From, Text: line.Body, Way: l.id})
}

// note remembers through which directory a nick can be reached, and whose offers
// it shows.
func (c *Channel) note(l *link, line onion.Line) {
	if l.dir == nil {
		return
	}
	now := time.Now()
	l.dir.heard.put(line.From, struct{}{}, now)
	name, _, _ := strings.Cut(strings.TrimLeft(line.Body, "!"), " ")
	if protocol.Command(name).Offer() {
		l.dir.makers.put(line.From, struct{}{}, now)
	}
}

// isQuestion reports whether a public line asks for the order book.
func isQuestion(body string) bool {
	return strings.Trim(body, "!") == string(protocol.CmdOrderbook)
}

// heardOf reports whether a directory passed on lines of nick; mu is held.
func (c *Channel) heardOf(nick protocol.Nick) bool {
	for _, d := range c.directories {
		if d.heard.has(nick) {
			return true
		}
	}
	return false
}
