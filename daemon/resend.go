package daemon

import (
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/exchange"
)

// What left on a channel lately may have been lost with it, for nobody says what
// arrived. Up to maxRecent messages are remembered for recently.
const (
	maxRecent = 128
	recently  = 2 * time.Minute
)

// recent is a message of a conversation that left on a channel.
type recent struct {
	*outgoing
	at    time.Time
	state exchange.State // of the conversation then
}

// old: it was answered, or it is too late for it.
func (r recent) old(now time.Time) bool {
	return r.talk.State() != r.state || now.Sub(r.at) > recently
}

// remember notes that a message left on the channel.
func (l *link) remember(o *outgoing) {
	if o.talk == nil {
		return
	}
	now := time.Now()
	l.forget(now)
	if len(l.recent) >= maxRecent {
		l.recent = slices.Delete(l.recent, 0, 1)
	}
	l.recent = append(l.recent, recent{o, now, o.talk.State()})
}

// forget drops what is old.
func (l *link) forget(now time.Time) {
	l.recent = slices.DeleteFunc(l.recent, func(r recent) bool { return r.old(now) })
}

// resend sends once more what may have been lost with a channel, over another
// one where the peer is. It is the same message, so that whoever got the first
// drops the second.
func (s *session) resend(lost *link) {
	now := time.Now()
	for _, r := range lost.recent {
		if !r.old(now) && s.route(r.outgoing) != nil {
			s.log.Debug("sent again, for its channel broke", "nick", r.to, "cmd", r.command, "channel", lost.name)
			s.send(r.outgoing)
		}
	}
	lost.recent = nil
}
