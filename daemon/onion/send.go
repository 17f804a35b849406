package onion

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// askedLately is for how long after we asked for the order book a directory, or a
// maker, that is connected then is asked too.
const askedLately = 2 * time.Minute

// SendPublic sends command groups to all directories that are connected: each
// offer in a line, as the reference does, and cancels in one. Without directories
// it asks makers that we know for their offers, and sends nothing else. It fails
// with channel.ErrDown, ErrFull, ErrTooLarge or ErrText.
func (c *Channel) SendPublic(groups []string) error {
	letters, asks, err := c.publicLetters(groups)
	if err != nil {
		return c.count(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != control.ChannelUp {
		return c.count(channel.ErrDown)
	}
	if asks {
		c.asked = time.Now()
	}
	all := c.upDirectories()
	if len(all) == 0 && asks && len(c.found) > 0 {
		c.askMakers()
		return nil
	}
	sent, err := false, channel.ErrDown
	for _, d := range all {
		if failed := d.link.send(letters...); failed == nil {
			sent = true
		} else {
			err = failed
		}
	}
	if sent {
		return nil
	}
	return c.count(err)
}

// send queues letters, all or the first ones.
func (l *link) send(letters ...letter) error {
	for _, letter := range letters {
		if err := l.out.add(letter); err != nil {
			return err
		}
	}
	return nil
}

// publicLetters writes groups as lines, and reports whether one asks for the
// order book.
func (c *Channel) publicLetters(groups []string) (letters []letter, asks bool, err error) {
	var bodies []string
	cancels := ""
	for _, g := range groups {
		if !protocol.Printable(g) || !strings.HasPrefix(g, "!") {
			return nil, false, channel.ErrText
		}
		asks = asks || isQuestion(g)
		if name, _, _ := strings.Cut(g[1:], " "); protocol.Command(name) == protocol.CmdCancel {
			cancels += g
		} else {
			bodies = append(bodies, g)
		}
	}
	if cancels != "" {
		bodies = append([]string{cancels}, bodies...)
	}
	for _, body := range bodies {
		l, err := newLetter(onion.Line{From: c.cfg.Nick, Body: body}.Message(), "")
		if err != nil {
			return nil, false, err
		}
		letters = append(letters, l)
	}
	return letters, asks, nil
}

// question asks for the order book.
func (c *Channel) question() onion.Message {
	return onion.Line{From: c.cfg.Nick, Body: "!" + string(protocol.CmdOrderbook)}.Message()
}

// SendPrivate sends one message to a nick, directly or through a directory. It
// fails with channel.ErrDown if there is no way, ErrFull, ErrTooLarge or ErrText.
func (c *Channel) SendPrivate(to protocol.Nick, command, body string) error {
	text := "!" + command + " " + body
	if !protocol.Printable(text) || !to.Valid() {
		return c.count(channel.ErrText)
	}
	l, err := newLetter(onion.Line{From: c.cfg.Nick, To: to, Body: text}.Message(), to)
	if err != nil {
		return c.count(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state != control.ChannelUp:
		return c.count(channel.ErrDown)
	case to == c.cfg.Nick:
		return nil
	case protocol.Command(command) == protocol.CmdFill:
		c.begin(to)
	}
	return c.count(c.pass(l, isTalk(protocol.Command(command))))
}

// isTalk reports whether a command belongs to a conversation.
func isTalk(command protocol.Command) bool {
	return !command.Offer() && command != protocol.CmdHP2 && command != protocol.CmdError
}

// count counts why something was not sent.
func (c *Channel) count(err error) error {
	switch {
	case err == nil:
	case errors.Is(err, channel.ErrDown):
		c.cfg.Counts.Inc(count.DropDown)
	case errors.Is(err, channel.ErrFull):
		c.cfg.Counts.Inc(count.DropFull)
	default:
		c.cfg.Counts.Inc(count.DropText)
	}
	return err
}

// Flush implements channel.Flusher.
func (c *Channel) Flush(ctx context.Context) {
	c.mu.Lock()
	var waits []<-chan struct{}
	for _, l := range c.links {
		waits = append(waits, l.out.flushed())
	}
	c.mu.Unlock()
	for _, wait := range waits {
		select {
		case <-wait:
		case <-ctx.Done():
			return
		}
	}
}
