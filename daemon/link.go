package daemon

import (
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// link is a message channel of a session and where it stands. The loop owns it.
type link struct {
	channel.Channel
	name     string        // as the session's configuration calls it
	interval time.Duration // between two lines, as configured
	state    control.ChannelState
	hostID   string // while up: what private messages are signed for
	reason   string // why it is lost or failed
	code     string // the kind of reason
	wasUp    bool

	recent    []recent
	republish *alarm // a maker's, after the channel came back
	// anonymous makes another channel to the same place under another nick;
	// nil where all our nicks are known as one's.
	anonymous func(protocol.Nick) (channel.Channel, error)
}

func interval(cfg control.ChannelConfig) time.Duration {
	if cfg.LineInterval == 0 {
		return control.DefaultLineInterval
	}
	return max(cfg.LineInterval, 0)
}

// pace is the time between two lines at present.
func (l *link) pace() time.Duration {
	if p, ok := l.Channel.(channel.Paced); ok {
		return p.LineInterval()
	}
	return l.interval
}

func (l *link) up() bool { return l.state == control.ChannelUp }

func (l *link) event() control.ChannelEvent {
	return control.ChannelEvent{Channel: l.name, State: l.state, HostID: l.hostID, Reason: l.reason, Code: l.code, LineInterval: l.pace()}
}

// seen is something a channel saw.
type seen struct {
	on *link
	ev channel.Event
}

// runLink runs a channel until the session ends or the channel gives up.
func (s *session) runLink(l *link) {
	s.wg.Go(func() {
		err := l.Run(s.ctx, func(ev channel.Event) { s.post(seen{l, ev}) })
		reason := "the channel stopped"
		if err != nil {
			reason = err.Error()
		}
		s.post(seen{l, channel.State{State: control.ChannelFailed, Reason: reason}})
	})
}

func (e seen) happen(s *session) {
	switch ev := e.ev.(type) {
	case channel.State:
		s.changed(e.on, ev)
	case channel.Public:
		s.d.counts.Inc(count.InPublic)
		if ev.From.Valid() && ev.From != s.nick && e.on.up() {
			s.hearPublic(e.on, ev)
		}
	case channel.Private:
		s.d.counts.Inc(count.InPrivate)
		if ev.From.Valid() && ev.From != s.nick && e.on.up() {
			s.hearPrivate(e.on, ev)
		}
	case channel.Alert:
		s.tell(control.EventAlert, control.AlertEvent{Channel: e.on.name, Text: control.FreeText(ev.Text)})
	case channel.Left:
		s.in.left(ev.Nick, e.on)
		if s.book.Left(e.on.name, ev.Nick) {
			s.role.left(ev.Nick)
		}
	}
}

// changed notes a channel's new state and tells the client.
func (s *session) changed(l *link, ev channel.State) {
	if l.state == control.ChannelFailed {
		return // there is no more to tell
	}
	if ev.State == control.ChannelUp && !usableHostID(ev.HostID) {
		ev = channel.State{State: control.ChannelLost, Reason: "the server gives no usable network name"}
	}
	broke := l.up() && ev.State != control.ChannelUp
	switch {
	case ev.State == control.ChannelUp:
		s.d.counts.Inc(count.ChannelUp)
	case broke:
		s.d.counts.Inc(count.ChannelLost)
	case ev.Reason != "":
		s.d.counts.Inc(count.ChannelFailed)
	}
	if broke {
		s.book.Lost(l.name)
	}
	l.state, l.hostID, l.reason, l.code = ev.State, ev.HostID, control.FreeText(ev.Reason), ev.Code
	if !l.up() {
		l.hostID = ""
	}
	s.log.Info("channel changed", "channel", l.name, "state", l.state, "reason", l.reason)
	s.tell(control.EventChannel, l.event())
	if broke {
		s.resend(l)
	}
	if l.up() {
		if !l.wasUp && !s.ready {
			s.clock.after(s.d.cfg.StartWait, s.open)
		}
		s.role.up(l, l.wasUp || s.ready)
		l.wasUp = true
	}
	if !slices.ContainsFunc(s.links, func(l *link) bool { return l.state == control.ChannelConnecting }) {
		s.open()
	}
}

// usableHostID: it is part of what is signed, so it must travel as it is.
func usableHostID(id string) bool {
	return id != "" && len(id) <= control.MaxHostID && protocol.Printable(id)
}

// open tells the client that the market can be used: when no channel is still
// expected, or StartWait after the first came up. At least one must be up.
func (s *session) open() {
	up := s.upNames()
	if s.ready || len(up) == 0 {
		return
	}
	s.ready = true
	s.tell(control.EventReady, control.ReadyEvent{Channels: up})
	s.role.begin()
}

// upNames are the names of the channels that are up, in configuration order.
func (s *session) upNames() []string {
	names := []string{}
	for _, l := range s.links {
		if l.up() {
			names = append(names, l.name)
		}
	}
	return names
}

func (s *session) link(name string) *link {
	for _, l := range s.links {
		if l.name == name {
			return l
		}
	}
	return nil
}
