package daemon

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestSetChannels: what SIGHUP takes over holds for clients that enter the
// market afterwards; who is in it stays where he is, and who names channels gets
// those.
func TestSetChannels(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		before := w.enter(control.RoleWatcher, nick(1))
		list := channels("other")
		if err := w.d.SetChannels(list); err != nil {
			t.Fatal(err)
		}
		list[0].Name = "changed behind our back"
		w.enter(control.RoleWatcher, nick(2))
		named := w.connect(nick(3))
		named.do(control.MethodStart, control.StartRequest{Role: control.RoleWatcher, Nick: nick(3), Network: "regtest", Channels: channels("pit")}, nil)
		synctest.Wait()
		for name, want := range map[string][]protocol.Nick{"pit": {nick(1), nick(3)}, "other": {nick(2)}} {
			if got := slices.Sorted(slices.Values(w.pits[name].Nicks())); !slices.Equal(got, want) {
				t.Errorf("on %s: %v, want %v", name, got, want)
			}
		}
		if got := before.status().Channels; len(got) != 1 || got[0].Channel != "pit" {
			t.Errorf("the client from before is on %+v", got)
		}
	})
}

// TestSetChannelsRefuses: an unusable list changes nothing.
func TestSetChannelsRefuses(t *testing.T) {
	w := newWorld(t, Config{})
	for name, list := range map[string][]control.ChannelConfig{
		"twice":    channels("x", "x"),
		"too many": slices.Repeat(channels("x"), control.MaxChannels+1),
		"no host":  {{Name: "x", Type: "irc", Port: 1, Room: "pit"}},
	} {
		if err := w.d.SetChannels(list); err == nil {
			t.Errorf("%s: taken", name)
		}
		if got := w.d.Channels(); len(got) != 1 || got[0].Name != "pit" {
			t.Errorf("%s: now %+v", name, got)
		}
	}
}
