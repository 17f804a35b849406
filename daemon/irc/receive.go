package irc

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
)

// maxLine is the longest line that is read, with its line end.
const maxLine = 8191

// errLongLine ends a connection: servers send no such line.
var errLongLine = errors.New("the server sent a line of more than 8191 bytes")

// read hands the lines of conn to in until it fails or done is closed. It holds
// one line at a time, whatever the server sends (attack N3); what is no message
// is passed over.
func read(conn io.Reader, in chan<- *irc.Message, done <-chan struct{}) error {
	lines := bufio.NewReaderSize(conn, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return errLongLine
		}
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		// We asked for no tags, and the parser panics on a tag alone.
		if line[0] == '@' {
			continue
		}
		m, err := irc.ParseMessage(string(line))
		if err != nil {
			continue
		}
		select {
		case in <- m:
		case <-done:
			return nil
		}
	}
}

// receive acts on one line of the server. An error ends the connection.
func (l *link) receive(m *irc.Message) error {
	switch m.Command {
	case "PRIVMSG":
		l.message(m)
	case "PING":
		// A PING that cannot be answered in one line is not answered.
		_ = l.out.first((&irc.Message{Command: "PONG", Params: []string{m.Trailing()}}).String())
	case "JOIN":
		return l.joined(m)
	case "PART":
		l.leaves(m.Name, m.Param(0), m)
	case "KICK":
		l.leaves(m.Param(1), m.Param(0), m)
	case "QUIT":
		l.left(m.Name)
	case "NICK":
		if l.us(m.Name) {
			return errors.New("the server changed our nick")
		}
		l.left(m.Name)
	case "KILL":
		if l.us(m.Param(0)) {
			return fmt.Errorf("the server ended the connection: %s", m.Trailing())
		}
	case "ERROR":
		return fmt.Errorf("the server ended the connection: %s", m.Trailing())
	case "001":
		return l.welcome(m)
	case "005":
		l.support(m)
	case "432":
		return l.nickRefused(m)
	case "433":
		l.nickInUse()
	case "403", "405", "437", "471", "473", "474", "475", "476", "477":
		return l.roomRefused(m)
	}
	return nil
}

// message hands on what market participants say in the room or to us. Anything
// else is passed over unanswered: other targets, requests of IRC clients to each
// other (CTCP), what is not printable ASCII, and senders whose name is no nick.
func (l *link) message(m *irc.Message) {
	from, text := protocol.Nick(m.Name), m.Param(1)
	if l.phase != up || l.us(m.Name) || !from.Valid() {
		return
	}
	var err error
	switch m.Param(0) {
	case string(l.cfg.Nick):
		var done bool
		if text, done, err = l.joiner.Add(from, text); done {
			l.sink(channel.Private{From: from, Text: text})
		}
	case l.room:
		if text, err = chunk.Public(text); err == nil {
			l.sink(channel.Public{From: from, Text: text})
		}
	}
	if err != nil {
		l.log.Debug("line dropped", "nick", from, "reason", err)
	}
}

// leaves handles that a name left a room.
func (l *link) leaves(name, room string, m *irc.Message) {
	switch {
	case room != l.room:
	case !l.us(name):
		l.left(name)
	case l.phase == up:
		l.putOut(m)
	}
}

// left handles that a name is gone from where we hear it.
func (l *link) left(name string) {
	nick := protocol.Nick(name)
	if l.phase != up || l.us(name) || !nick.Valid() {
		return
	}
	l.joiner.Drop(nick)
	l.sink(channel.Left{Nick: nick})
}
