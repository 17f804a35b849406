package irc

import (
	"encoding/base64"
	"strings"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// saslChunk is how much of an answer a line AUTHENTICATE holds; an answer that
// ends with a full line is followed by an empty one, "+".
const saslChunk = 400

// capability handles the server's answer to CAP REQ :sasl.
//
//	CAP REQ :sasl  -->  CAP * ACK :sasl
//	AUTHENTICATE PLAIN  -->  AUTHENTICATE +
//	AUTHENTICATE <base64>  -->  900, 903
//	CAP END  -->  001
func (l *link) capability(m *irc.Message) error {
	if l.phase != registering || l.cfg.SASL == "" {
		return nil
	}
	switch m.Param(1) {
	case "ACK":
		if l.asked {
			return nil
		}
		l.asked = true
		return l.out.push("AUTHENTICATE " + strings.ToUpper(l.cfg.SASL))
	case "NAK":
		return because(CauseAuth, "the server offers no accounts (SASL)")
	}
	return nil
}

// authenticate answers the server's AUTHENTICATE +.
func (l *link) authenticate(m *irc.Message) error {
	if l.phase != registering || l.cfg.SASL == "" || m.Param(0) != "+" || l.answered {
		return nil
	}
	l.answered = true
	if l.cfg.SASL == control.SASLExternal {
		return l.out.push("AUTHENTICATE +") // the account of the certificate
	}
	text := l.account()
	var lines []string
	for len(text) >= saslChunk {
		lines = append(lines, "AUTHENTICATE "+text[:saslChunk])
		text = text[saslChunk:]
	}
	if text == "" {
		text = "+"
	}
	return l.out.push(append(lines, "AUTHENTICATE "+text)...)
}

// account is the answer of SASL plain.
func (c *Channel) account() string {
	user := c.cfg.SASLUser
	return base64.StdEncoding.EncodeToString([]byte(user + "\x00" + user + "\x00" + string(c.cfg.SASLPassword)))
}

// hide removes our passwords from what a server says, which may repeat them (D9).
func (c *Channel) hide(text string) string {
	for _, secret := range []string{c.account(), string(c.cfg.SASLPassword), string(c.cfg.Password)} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// authenticated handles 903, and 907, which says that we were so already.
func (l *link) authenticated() error {
	if l.phase != registering || l.cfg.SASL == "" || l.loggedIn {
		return nil
	}
	l.loggedIn = true
	return l.out.push("CAP END")
}

// refusedAuth handles the replies that end a login, and 464, which refuses the
// server's password.
func (l *link) refusedAuth(m *irc.Message) error {
	if l.phase != registering {
		return nil
	}
	return because(CauseAuth, "the server does not take our password or account: "+m.Trailing())
}
