package daemon

import (
	"net"
	"strconv"
	"testing"
	"time"

	factory "github.com/joinmarket-go/joinmarket/daemon/channels"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// soon bounds each wait for a real server.
const soon = 10 * time.Second

// awaits returns the next event of a type, passing over others.
func awaits[T any](c *client) T {
	c.t.Helper()
	timeout := time.After(soon)
	for {
		select {
		case v := <-c.events:
			if e, ok := v.(T); ok {
				return e
			}
		case <-timeout:
			var e T
			c.t.Fatalf("%s: no %T", c.nick, e)
		}
	}
}

// until asks again and again until it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for timeout := time.After(soon); !so(); {
		select {
		case <-again.C:
		case <-timeout:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// onIRC is a channel of that name on a server, and on others of its network.
func onIRC(t *testing.T, name, address string, alternates ...string) control.ChannelConfig {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return control.ChannelConfig{Name: name, Type: "irc", Host: host, Port: uint16(n), Room: "pit", LineInterval: -1, Alternates: alternates}
}

// startOn begins to enter the market over channels of its own.
func (w *world) startOn(role control.Role, n protocol.Nick, channels ...control.ChannelConfig) *client {
	w.t.Helper()
	c := w.connect(n)
	c.do(control.MethodStart, control.StartRequest{Role: role, Nick: n, Network: "regtest", Channels: channels}, nil)
	return c
}

// TestNetsplit plays two linked ngIRCds, with the taker on one and the makers on
// the other, that are parted and linked again, and then the death of the taker's.
// Who can be reached by another channel goes on there in mid-conversation; who
// cannot has left, with its offers, and is there again when the servers are.
func TestNetsplit(t *testing.T) {
	t.Parallel()
	servers := ircserver.NgIRCds(t)
	third, stopThird := ircserver.Own(t, "another")
	w := newWorld(t, Config{})
	w.d.cfg.NewChannel = factory.Factory(factory.Config{})
	netA, netB := onIRC(t, "net", servers.A.Address, servers.B.Address), onIRC(t, "net", servers.B.Address)
	other := onIRC(t, "other", third)
	servers.Link(t)

	single, double := w.startOn(control.RoleMaker, bob, netB), w.startOn(control.RoleMaker, carol, netB, other)
	taker := w.startOn(control.RoleTaker, alice, netA, other)
	for _, c := range []*client{single, double, taker} { // a server takes its time for each
		awaits[control.ReadyEvent](c)
	}
	single.announce(offer(0))
	double.announce(offer(0))
	book := func(makers int, more func()) {
		t.Helper()
		asked := time.Now()
		until(t, strconv.Itoa(makers)+" makers in the book", func() bool {
			if time.Since(asked) > time.Second { // the servers may not have been linked yet
				more()
				asked = time.Now()
			}
			return taker.status().Makers == makers
		})
	}
	book(2, func() {})

	attempt := taker.fill(bob, carol)
	awaits[control.PubKeyEvent](taker)
	awaits[control.PubKeyEvent](taker)
	servers.Split(t)
	if e := awaits[control.FailedEvent](taker); e.Maker != bob || e.Reason != protocol.ReasonLeft {
		t.Errorf("%+v, want %s: %s", e, bob, protocol.ReasonLeft)
	}
	if n := taker.status().Makers; n != 1 {
		t.Errorf("%d makers in the book while the servers are split", n)
	}
	taker.auth(attempt, carol)
	shown := awaits[control.AuthEvent](double)
	double.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: shown.Conversation, IOAuth: coins(1)}, nil)
	if e := awaits[control.IOAuthEvent](taker); e.Maker != carol {
		t.Errorf("%+v", e)
	}

	servers.Link(t)
	taker.judged.Clear()
	book(2, func() { taker.do(control.MethodRefresh, nil, nil) })
	until(t, "the maker is heard over the linked servers", func() bool {
		_, ok := taker.judged.Load(control.VerifyRequest{Nick: carol, Command: string(protocol.SW0RelOffer), HostID: ircserver.Network})
		return ok
	})
	taker.status() // until that is worked off
	stopThird()    // by the linked servers the conversation goes on, once more elsewhere
	until(t, "the other channel is lost", func() bool { return len(up(taker)) == 1 && len(up(double)) == 1 })
	taker.tx(attempt, carol)
	awaits[control.TxEvent](double)
	double.do(control.MethodSigs, control.SigsRequest{Conversation: shown.Conversation, Sigs: []string{testSig}}, nil)
	if e := awaits[control.SigEvent](taker); e.Maker != carol {
		t.Errorf("%+v", e)
	}

	// The taker's server dies; its channel goes on over the other of the network.
	servers.A.Stop()
	until(t, "the channel is lost", func() bool { return taker.status().Makers == 0 })
	until(t, "the channel is back", func() bool { return len(up(taker)) == 1 })
	// They answer an orderbook of one nick once in ten seconds, so they announce;
	// again, as the channel may have been up still, or not have all nicks yet.
	announce := func() {
		single.announce(offer(1))
		double.announce(offer(1))
	}
	announce()
	book(2, announce)
	taker.do(control.MethodFill, control.FillRequest{Amount: 500_000, Commitment: protocol.NewCommitment([32]byte{0xbb}),
		Makers: []control.MakerOffer{{Nick: carol, OfferID: 1}}}, nil)
	awaits[control.PubKeyEvent](taker)
}

// up are the channels of a client that are up.
func up(c *client) (names []string) {
	for _, ch := range c.status().Channels {
		if ch.State == control.ChannelUp {
			names = append(names, ch.Channel)
		}
	}
	return names
}
