package daemon

import (
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestChannelTrouble: the client learns why a channel is down, by code and
// sentence, and what the room's operators say.
func TestChannelTrouble(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c, s := w.inside(nick(1))
		c.enter(control.RoleTaker)
		s.post(seen{s.links[0], channel.State{State: control.ChannelLost, Reason: "K-lined: \x1b", Code: "banned"}})
		last := func() (e control.ChannelEvent) {
			synctest.Wait()
			for len(c.events) > 0 {
				e, _ = (<-c.events).(control.ChannelEvent)
			}
			return e
		}
		want := control.ChannelEvent{Channel: "pit", State: control.ChannelLost, Reason: "K-lined: ?", Code: "banned"}
		if got := last(); got != want {
			t.Errorf("event %+v", got)
		}
		if got := c.status().Channels[0]; got != want {
			t.Errorf("status %+v", got)
		}
		s.post(seen{s.links[0], channel.Alert{Text: "please upgrade\x07"}})
		if got := expect[control.AlertEvent](c); got != (control.AlertEvent{Channel: "pit", Text: "please upgrade?"}) {
			t.Errorf("event %+v", got)
		}
		s.post(seen{s.links[0], channel.State{State: control.ChannelUp, HostID: hostID}})
		if got := last(); got != (control.ChannelEvent{Channel: "pit", State: control.ChannelUp, HostID: hostID}) {
			t.Errorf("event %+v", got)
		}
		// What ends a channel is told once, with its code.
		for _, reason := range []string{"refused", "the channel stopped"} {
			s.post(seen{s.links[0], channel.State{State: control.ChannelFailed, Reason: reason, Code: "nick-refused"}})
		}
		if got := last(); got.State != control.ChannelFailed || got.Reason != "refused" || got.Code != "nick-refused" {
			t.Errorf("event %+v", got)
		}
	})
}
