package irc

import (
	"strings"
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// maxName bounds the names that a server gives itself and its network, in
// bytes.
const maxName = 100

// register begins the sequence of the reference program, whose user, host,
// server and real name are always these. It has neither password nor account;
// if we have, they go first.
func (l *link) register() error {
	l.board.enter(LinkRegistering)
	l.phase = registering
	nick := string(l.cfg.Nick)
	lines := []string{"NICK " + nick, "USER " + nick + " foo bar :None"}
	if l.cfg.SASL != "" {
		lines = append([]string{"CAP REQ :sasl"}, lines...)
	}
	if l.cfg.Password != "" {
		lines = append([]string{"PASS :" + string(l.cfg.Password)}, lines...)
	}
	l.deadline = time.After(l.entryTime())
	return l.out.push(lines...)
}

// entryTime is how long registering and joining may take.
func (l *link) entryTime() time.Duration {
	lines := 3 // NICK, USER, JOIN
	if l.cfg.Password != "" || l.cfg.SASL != "" {
		lines = 9
	}
	return joinTimeout + time.Duration(lines)*l.pace.now()
}

// welcome handles 001: the server knows us, so we join without waiting for the
// end of its message of the day.
func (l *link) welcome(m *irc.Message) error {
	if l.phase != registering {
		return nil
	}
	if l.cfg.SASL != "" && !l.loggedIn {
		return because(CauseAuth, "the server let us in without the account that is configured")
	}
	if m.Param(0) != string(l.cfg.Nick) {
		return &fault{CauseNickRefused, errNick("it made " + free(m.Param(0)) + " of it")}
	}
	if goodName(m.Name) {
		l.Channel.log.Debug("registered", "server", m.Name)
		l.server = m.Name
	}
	l.ping = time.After(pingInterval)
	return l.join()
}

// support reads the network's name from 005, of which there may be several. Once
// the channel has been up it stays what it was: messages are signed for it.
func (l *link) support(m *irc.Message) {
	if l.entered || len(m.Params) < 3 {
		return
	}
	for _, token := range m.Params[1 : len(m.Params)-1] {
		if name, ok := strings.CutPrefix(token, "NETWORK="); ok && goodName(name) {
			l.hostID = name
		}
	}
}

func goodName(s string) bool { return s != "" && len(s) <= maxName && protocol.Printable(s) }

// nickInUse handles 433, and 436 and 437, which say much the same. The nick is
// ours by its key, so we wait for the server to notice that our former
// connection is dead.
func (l *link) nickInUse(m *irc.Message) {
	if l.phase != registering {
		return
	}
	first := l.retry == nil
	l.retry = time.After(nickRetry)
	l.again = "NICK " + string(l.cfg.Nick)
	l.deadline = time.After(nickRetry + l.entryTime())
	reason := "our nick is in use: " + m.Trailing()
	if first {
		l.down(CauseNickInUse, reason, nickRetry)
		return
	}
	l.board.wait(CauseNickInUse, reason, time.Now().Add(nickRetry))
}

// nickRefused handles 432.
func (l *link) nickRefused(m *irc.Message) error {
	if l.phase != registering {
		return nil
	}
	return &fault{CauseNickRefused, errNick(free(m.Trailing()))}
}

// tryAgain sends what the server did not take the last time.
func (l *link) tryAgain() error {
	l.deadline = time.After(l.entryTime())
	if l.phase == registering {
		l.board.enter(LinkRegistering)
	} else {
		l.phase = joining
		l.board.enter(LinkJoining)
	}
	return l.out.first(l.again)
}

// us reports whether a name in a line is our nick.
func (l *link) us(name string) bool { return name == string(l.cfg.Nick) }
