package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// A maker announces an offer, and somebody else reads the order book. The daemon
// is inside the process, and its message channel a room in memory; in use it is
// channels.Factory that makes channels, or Dial is control.Dial for a joinmarketd.
func Example() {
	room := daemontest.NewPit("pit", "jmlab")
	d, err := inprocess.New(daemon.Config{
		NewChannel: func(_ control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
			return room.Join(nick), nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	enter := func(role control.Role) *client.Session {
		s, err := client.Connect(ctx, client.Config{
			Dial: d.Dial, Role: role, Network: "regtest", Software: "example 1",
			Channels: []control.ChannelConfig{{Name: "pit", Type: control.TypeIRC, Host: "127.0.0.1", Port: 6667, Room: "joinmarket-pit"}},
		})
		if err != nil {
			panic(err) // it is an example
		}
		if err := s.Ready(ctx); err != nil {
			panic(err)
		}
		return s
	}

	maker := enter(control.RoleMaker)
	defer maker.Close()
	go drain(maker)
	err = maker.Announce(ctx, control.AnnounceRequest{Offers: []protocol.Offer{
		{Type: protocol.SW0AbsOffer, MinSize: 100_000, MaxSize: 79_000_000, CJFee: "500"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}

	watcher := enter(control.RoleWatcher)
	defer watcher.Close()
	book, err := taker.Book(ctx, watcher, taker.BookWait{Enough: 1, Limit: 30 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range book.Offers {
		fmt.Println(o.Nick == maker.Nick(), o.Type, o.CJFee)
	}
	// Output: true sw0absoffer 500
}

// drain reads what takers ask, which this maker never answers.
func drain(s *client.Session) {
	for range s.Events() {
	}
}
