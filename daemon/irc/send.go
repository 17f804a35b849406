package irc

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
)

// maxSendLine is the greatest length of a client's line, without its CR LF.
const maxSendLine = 510

// publicLines writes command groups as lines to the room.
func publicLines(room string, groups []string) ([]string, error) {
	texts, err := chunk.Pack(room, groups)
	return addressed(room, texts, err)
}

// privateLines writes one message as the lines to a nick that it takes.
func privateLines(to protocol.Nick, command, body string) ([]string, error) {
	if !to.Valid() {
		return nil, fmt.Errorf("%w: %w", channel.ErrText, protocol.ErrNick)
	}
	texts, err := chunk.Split(to, command, body)
	return addressed(string(to), texts, err)
}

// addressed makes lines of texts, or puts the reason why there are none in the
// terms of package channel.
func addressed(target string, texts []string, err error) ([]string, error) {
	switch {
	case errors.Is(err, chunk.ErrTooLarge):
		return nil, fmt.Errorf("%w: %w", channel.ErrTooLarge, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", channel.ErrText, err)
	}
	lines := make([]string, len(texts))
	for i, text := range texts {
		lines[i] = "PRIVMSG " + target + " :" + text
	}
	return lines, nil
}

// checkLine is where every line passes that we send: it lets through what is one
// line of printable ASCII, so that no text of a client or of a server can add a
// command of its own (attack N21).
func checkLine(line string) error {
	if len(line) > maxSendLine {
		return channel.ErrTooLarge
	}
	if line == "" || !protocol.Printable(line) {
		return channel.ErrText
	}
	return nil
}
