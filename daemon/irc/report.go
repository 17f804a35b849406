package irc

import (
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

var _ channel.Reporter = (*Channel)(nil)

// Report is the Status as clients see it.
func (c *Channel) Report() control.ChannelReport {
	s := c.Status()
	return control.ChannelReport{
		Channel: s.Name, State: string(s.State), Since: unix(s.Since), Next: unix(s.Next), Code: string(s.Cause), Reason: s.Reason,
		Server: s.Server, Queued: s.Queued, LinesIn: s.LinesIn, LinesOut: s.LinesOut, Connections: s.Connections,
	}
}

// unix is 0 for no time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
