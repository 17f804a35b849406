package amp

import (
	"encoding/hex"
	"io"
	"net"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// FuzzClient: whatever a client says, when it is gone its nick is, and the
// daemon serves the next one.
func FuzzClient(f *testing.F) {
	pit := daemontest.NewPit("pit", hostID)
	d, err := daemon.New(daemon.Config{
		NewChannel: func(_ control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
			return pit.Join(nick), nil
		},
		Channels: []control.ChannelConfig{{Name: "pit", Type: "irc", Host: "localhost", Port: 6667, Room: "pit", LineInterval: -1}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	var begin []byte
	known := calls(f)
	for _, command := range []string{"JMInit", "JMStartMC", "JMSetup"} {
		c := known[command][len(known[command])-1]
		raw, err := hex.DecodeString(c.Request)
		if err != nil {
			f.Fatal(err)
		}
		begin = append(begin, raw...)
	}
	for _, all := range known {
		for _, c := range all {
			if raw, err := hex.DecodeString(c.Request); err == nil && len(raw) < 4000 {
				f.Add(raw, true)
				f.Add(raw, false)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, entered bool) {
		ours, theirs := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- Serve(t.Context(), theirs, Config{Serve: d.Serve}) }()
		go io.Copy(io.Discard, ours)
		if entered {
			raw = append(begin[:len(begin):len(begin)], raw...)
		}
		ours.SetWriteDeadline(time.Now().Add(10 * time.Second))
		ours.Write(raw)
		ours.Close()
		<-ended
		if nicks := pit.Nicks(); len(nicks) != 0 {
			t.Errorf("on the pit: %v", nicks)
		}
	})
}
