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
var errLongLine = because(CauseProtocol, "the server sent a line of more than 8191 bytes")

// read hands the lines of conn to in until it fails or done is closed. It holds
// one line at a time, whatever the server sends (attack N3); what is no message
// is passed over.
func read(conn io.Reader, board *board, in chan<- *irc.Message, done <-chan struct{}) error {
	lines := bufio.NewReaderSize(conn, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return errLongLine
		case errors.Is(err, io.EOF):
			return because(CauseClosed, "the server closed the connection")
		case err != nil:
			return fmt.Errorf("reading: %w", err)
		}
		board.change(func(s *Status) { s.LinesIn++ })
		// We asked for no tags, and the parser panics on a tag alone.
		if line[0] == '@' {
			board.drop(DropMalformed)
			continue
		}
		m, err := irc.ParseMessage(string(line))
		if err != nil {
			board.drop(DropMalformed)
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
	case "NOTICE":
		l.notice(m)
	case "PING":
		// A PING that cannot be answered in one line is not answered.
		_ = l.out.first((&irc.Message{Command: "PONG", Params: []string{m.Trailing()}}).String())
	case "PONG":
		l.ponged()
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
			return because(CauseNickChanged, "the server changed our nick to "+m.Param(0))
		}
		l.left(m.Name)
	case "KILL":
		if l.us(m.Param(0)) {
			return because(CauseKilled, "the server ended the connection: "+m.Trailing())
		}
	case "ERROR":
		return serverError(m.Trailing())
	case "TOPIC":
		l.topic(m.Param(0), m.Param(1))
	case "CAP":
		return l.capability(m)
	case "AUTHENTICATE":
		return l.authenticate(m)
	default:
		return l.reply(m)
	}
	return nil
}

// reply acts on a numeric reply. Its first parameter is our nick, or "*".
func (l *link) reply(m *irc.Message) error {
	switch m.Command {
	case "001":
		return l.welcome(m)
	case "005":
		l.support(m)
	case "263", "439", "707":
		if l.phase != registering { // before, some servers greet with 439
			l.complaint(m.Trailing())
			l.board.drop(DropRefused)
		}
	case "332":
		l.topic(m.Param(1), m.Param(2))
	case "401":
		l.left(m.Param(1)) // whom we wrote to is not there
	case "404":
		l.muted(m)
	case "432":
		return l.nickRefused(m)
	case "433", "436":
		l.nickInUse(m)
	case "437":
		l.nickInUse(m) // or the room, later
		l.roomRefused(m)
	case "465":
		return because(CauseBanned, "the server refuses us: "+m.Trailing())
	case "403", "405", "471", "473", "474", "475", "476", "477", "489":
		l.roomRefused(m)
	case "464", "902", "904", "905", "906", "908":
		return l.refusedAuth(m)
	case "903", "907":
		return l.authenticated()
	}
	return nil
}

// message hands on what market participants say in the room or to us. Anything
// else is passed over unanswered: other targets, requests of IRC clients to each
// other (CTCP), what is not printable ASCII, and senders whose name is no nick.
func (l *link) message(m *irc.Message) {
	from, text := protocol.Nick(m.Name), m.Param(1)
	switch {
	case l.phase != up || l.us(m.Name):
		return
	case !from.Valid():
		l.board.drop(DropStranger)
		return
	}
	var err error
	why := DropMalformed
	switch m.Param(0) {
	case string(l.cfg.Nick):
		var done bool
		why = DropChunk
		if text, done, err = l.joiner.Add(from, text); done {
			l.sink(channel.Private{From: from, Text: text})
		}
	case l.room:
		if text, err = chunk.Public(text); err == nil {
			l.sink(channel.Public{From: from, Text: text})
		}
	}
	if err != nil {
		l.board.drop(why)
		l.log.Debug("line dropped", "nick", from, "reason", err)
	}
}
