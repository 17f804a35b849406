package channels

import (
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const (
	nick      = "J5RtdqCV2FhX92mO"
	directory = "satoshi2vcg5e2ept7tjkzlkpomkobqmgtsjzegg6wipnoajadissead.onion:5222"
)

func TestTypes(t *testing.T) {
	onion := control.ChannelConfig{Name: "a", Type: "onion", Directories: []string{directory}, SOCKS5: "localhost:9050"}
	with := func(edit func(*control.ChannelConfig)) control.ChannelConfig {
		c := onion
		edit(&c)
		return c
	}
	for name, c := range map[string]struct {
		cfg  control.ChannelConfig
		want string // in the error; empty: none
	}{
		"irc":     {control.ChannelConfig{Name: "a", Type: "irc", Host: "localhost", Port: 6667, Room: "pit"}, ""},
		"onion":   {onion, ""},
		"serving": {with(func(c *control.ChannelConfig) { c.Serving = "127.0.0.1:0" }), ""},
		"kept key": {with(func(c *control.ChannelConfig) {
			c.Serving, c.OnionKey = "127.0.0.1:0", control.Credential(strings.Repeat("0f", 32))
		}), ""},
		"service of Tor": {with(func(c *control.ChannelConfig) {
			c.Serving, c.OnionAddress = "127.0.0.1:8080", strings.TrimSuffix(directory, ":5222")
		}), ""},
		"all the world": {with(func(c *control.ChannelConfig) { c.Serving = "0.0.0.0:8080" }), "this machine alone"},
		"short key":     {with(func(c *control.ChannelConfig) { c.Serving, c.OnionKey = "127.0.0.1:0", "0f" }), "seed of 1 bytes"},
		"other type":    {control.ChannelConfig{Name: "a", Type: "nostr"}, "none of irc, onion"},
	} {
		ch, err := Factory(Config{})(c.cfg, nick, "signet")
		switch {
		case c.want == "" && (err != nil || ch.Name() != "a"):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestN7LoopbackReachesNoOnion: in the testing mode no name leaves the machine.
func TestN7LoopbackReachesNoOnion(t *testing.T) {
	dial := Config{}.dialler(control.ChannelConfig{Loopback: true})
	if conn, err := dial(t.Context(), "x", directory); err == nil {
		conn.Close()
		t.Error("an onion service is dialled without Tor")
	}
	ch, err := Factory(Config{})(control.ChannelConfig{Name: "a", Type: "onion", Directories: []string{"8.8.8.8:5222"}, Loopback: true}, nick, "regtest")
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Run(t.Context(), func(channel.Event) {}); err == nil {
		t.Error("a directory elsewhere is taken")
	}
}
