package irc

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// maxName bounds the names that a server gives itself and its network, in
// bytes.
const maxName = 100

// register begins the sequence of the reference program, whose user, host,
// server and real name are always these.
func (l *link) register() error {
	l.phase = registering
	l.deadline = time.After(l.entryTime())
	nick := string(l.cfg.Nick)
	return l.out.push("NICK "+nick, "USER "+nick+" foo bar :None")
}

// entryTime is how long NICK, USER and JOIN may take.
func (l *link) entryTime() time.Duration { return joinTimeout + 3*max(0, l.cfg.LineInterval) }

// welcome handles 001: the server knows us, so we join without waiting for the
// end of its message of the day.
func (l *link) welcome(m *irc.Message) error {
	if l.phase != registering {
		return nil
	}
	if m.Param(0) != string(l.cfg.Nick) {
		return fmt.Errorf("%w: it made %q of it", ErrNick, m.Param(0))
	}
	if goodName(m.Name) {
		l.server = m.Name
	}
	l.phase = joining
	l.ping = time.After(pingInterval)
	return l.out.push("JOIN " + l.room)
}

// support reads the network's name from 005, of which there may be several. Once
// the channel has been up it stays what it was: messages are signed for it.
func (l *link) support(m *irc.Message) {
	if !l.upSince.IsZero() || len(m.Params) < 3 {
		return
	}
	for _, token := range m.Params[1 : len(m.Params)-1] {
		if name, ok := strings.CutPrefix(token, "NETWORK="); ok && goodName(name) {
			l.hostID = name
		}
	}
}

func goodName(s string) bool { return s != "" && len(s) <= maxName && protocol.Printable(s) }

// nickInUse handles 433. The nick is ours by its key, so we wait for the server
// to notice that our former connection is dead.
func (l *link) nickInUse() {
	if l.phase != registering {
		return
	}
	l.log.Warn("nick is in use, trying again", "retry_in", nickRetry)
	l.retry = time.After(nickRetry)
	l.again = "NICK " + string(l.cfg.Nick)
	l.deadline = time.After(l.entryTime())
}

// nickRefused handles 432.
func (l *link) nickRefused(m *irc.Message) error {
	if l.phase != registering {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrNick, m.Trailing())
}

// roomRefused handles the replies that say why a JOIN failed.
func (l *link) roomRefused(m *irc.Message) error {
	if l.phase == up || m.Param(1) != l.room {
		return nil
	}
	return fmt.Errorf("the server refuses the room %s: %s", l.room, m.Trailing())
}

// joined handles the echo of our own JOIN: from now on the channel is up.
func (l *link) joined(m *irc.Message) error {
	if !l.us(m.Name) || m.Param(0) != l.room || l.phase == registering || l.phase == up {
		return nil
	}
	if err := l.out.push("MODE " + string(l.cfg.Nick) + " +B"); err != nil {
		return err
	}
	l.phase = up
	l.deadline, l.retry = nil, nil
	l.joiner = chunk.NewJoiner(time.Now)
	l.upSince = time.Now()
	l.log.Info("channel up", "hostid", l.hostID, "room", l.room)
	l.setOut(l.out)
	l.sink(channel.State{State: control.ChannelUp, HostID: l.hostID})
	return nil
}

// putOut handles our own KICK or PART: the connection stays, and after a while
// we ask to be let in again.
func (l *link) putOut(m *irc.Message) {
	reason := "put out of the room by " + m.Name
	l.log.Warn("channel lost", "reason", control.FreeText(reason), "retry_in", rejoinDelay)
	l.phase = outside
	l.retry = time.After(rejoinDelay)
	l.again = "JOIN " + l.room
	l.deadline = time.After(rejoinDelay + joinTimeout)
	l.setOut(nil)
	l.sink(channel.State{State: control.ChannelLost, Reason: control.FreeText(reason)})
}

// us reports whether a name in a line is our nick.
func (l *link) us(name string) bool { return name == string(l.cfg.Nick) }
