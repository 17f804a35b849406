package irc

import (
	"errors"
	"strings"
	"time"
)

// Cause is a stable code for why a link is not up. The same codes stand in logs,
// events and Status; docs/irc.md says what each means and what to do.
type Cause string

// Causes that lie in the way to the server, or in its connection.
const (
	CauseUnreachable Cause = "unreachable"  // no connection to the server or the proxy
	CauseTLS         Cause = "tls"          // no TLS, or a certificate that is not trusted
	CauseClosed      Cause = "closed"       // the connection ended without a word
	CauseSilent      Cause = "silent"       // nothing came for too long
	CauseTimeout     Cause = "timeout"      // the server did not let us in in time
	CauseProtocol    Cause = "protocol"     // the server sent what no server sends
	CauseServer      Cause = "server-error" // ERROR with a text of no other kind
)

// Causes that lie in what the server thinks of us.
const (
	CauseBanned      Cause = "banned"       // 465, or an ERROR that speaks of a ban
	CauseTooFast     Cause = "too-fast"     // too many connections, or too soon after the last
	CauseFlood       Cause = "flood"        // we sent faster than the server allows
	CauseKilled      Cause = "killed"       // an operator, or a collision of nicks
	CauseAuth        Cause = "auth"         // password, account or certificate not taken
	CauseNickInUse   Cause = "nick-in-use"  // 433, 436, 437
	CauseNickRefused Cause = "nick-refused" // 432, or the nick came back cut
	CauseNickChanged Cause = "nick-changed" // the server gave us another nick
)

// Causes that lie in the room.
const (
	CauseKicked          Cause = "kicked"           // put out of the room
	CauseRoomBanned      Cause = "room-banned"      // 474, +b
	CauseRoomFull        Cause = "room-full"        // 471, +l
	CauseRoomInvite      Cause = "room-invite"      // 473, +i
	CauseRoomKey         Cause = "room-key"         // 475, +k
	CauseRoomRegistered  Cause = "room-registered"  // 477, +R: for accounts only
	CauseRoomUnavailable Cause = "room-unavailable" // 403, 405, 437, 476
	CauseRoomMuted       Cause = "room-muted"       // 404, +m: in the room, but not heard
)

// fault is an error with its cause.
type fault struct {
	cause Cause
	err   error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// because is an error of a cause.
func because(cause Cause, text string) error { return &fault{cause, errors.New(text)} }

// causeOf is the cause of an error, or CauseClosed when none is known.
func causeOf(err error) Cause {
	var f *fault
	if errors.As(err, &f) {
		return f.cause
	}
	return CauseClosed
}

// words are what servers say in ERROR, in lower case, in the order in which they
// are looked for: an operator's text may speak of anything, so that Killed comes
// before flood.
var words = []struct {
	cause Cause
	any   []string
}{
	{CauseBanned, []string{"k-line", "g-line", "z-line", "d-line", "k:line", "g:line", "z:line", "kline", "gline", "banned", "blacklist", "dnsbl"}},
	{CauseKilled, []string{"killed"}},
	{CauseFlood, []string{"flood", "recvq"}},
	{CauseTooFast, []string{"too fast", "throttl", "too many", "connection limit", "session limit", "maximum", "no more connections"}},
	{CauseAuth, []string{"password", "access denied", "not authorized", "unauthorized"}},
}

// serverError is the error for the text of an ERROR line.
func serverError(text string) error {
	cause := CauseServer
	lower := strings.ToLower(text)
search:
	for _, w := range words {
		for _, word := range w.any {
			if strings.Contains(lower, word) {
				cause = w.cause
				break search
			}
		}
	}
	return because(cause, "the server ended the connection: "+text)
}

// backoff is how long to wait after a failure: the first wait, doubled by each
// further one up to the longest.
type backoff struct{ first, most time.Duration }

// Waits. Each is random around its value, so that a server or room that is back
// does not meet all its clients at once (attack N12).
var (
	shortWait = backoff{time.Second, 5 * time.Minute}       // the network, or a restart
	someWait  = backoff{10 * time.Second, 10 * time.Minute} // may pass by itself
	longWait  = backoff{10 * time.Minute, 2 * time.Hour}    // somebody does not want us
)

// backoffOf tells how long to wait because of a cause.
func backoffOf(c Cause) backoff {
	switch c {
	case CauseBanned, CauseAuth, CauseNickRefused,
		CauseRoomBanned, CauseRoomInvite, CauseRoomKey, CauseRoomRegistered:
		return longWait
	case CauseTooFast, CauseFlood, CauseKilled, CauseNickChanged,
		CauseKicked, CauseRoomFull, CauseRoomUnavailable:
		return someWait
	}
	return shortWait
}

// wait is how long after the n-th failure in a row, counted from 0, before it is
// made random.
func (b backoff) wait(n int) time.Duration {
	wait := b.first
	for ; n > 0 && wait < b.most; n-- {
		wait *= 2
	}
	return min(wait, b.most)
}
