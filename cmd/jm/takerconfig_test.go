package main

import (
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestQuiet: who is slow to offer is waited for as long as its channel is slow.
func TestQuiet(t *testing.T) {
	irc := control.ChannelConfig{Type: control.TypeIRC}
	fast := control.ChannelConfig{Type: control.TypeIRC, LineInterval: -1}
	slow := control.ChannelConfig{Type: control.TypeIRC, LineInterval: 5 * time.Second}
	onion := control.ChannelConfig{Type: control.TypeOnion}
	loopback := control.ChannelConfig{Type: control.TypeOnion, Loopback: true}
	for _, c := range []struct {
		name     string
		channels []control.ChannelConfig
		want     time.Duration
	}{
		{"private IRC", []control.ChannelConfig{fast}, 250 * time.Millisecond},
		{"IRC", []control.ChannelConfig{irc}, 4 * control.DefaultLineInterval},
		{"two of IRC", []control.ChannelConfig{irc, slow}, 20 * time.Second},
		{"onion on one machine", []control.ChannelConfig{loopback}, 250 * time.Millisecond},
		{"onion", []control.ChannelConfig{onion}, torQuiet},
		{"IRC and onion", []control.ChannelConfig{irc, onion}, torQuiet},
		{"slow IRC and onion", []control.ChannelConfig{slow, onion}, 20 * time.Second},
	} {
		a := &app{}
		a.cfg.Channels = c.channels
		if got := a.quiet(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
