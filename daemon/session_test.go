package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no NewChannel")
	}
	ok := func(control.ChannelConfig, protocol.Nick, string) (channel.Channel, error) { return nil, nil }
	if _, err := New(Config{NewChannel: ok, Channels: channels("a", "a")}); err == nil {
		t.Error("two channels of one name")
	}
	if _, err := New(Config{NewChannel: ok, Commitments: "/nonexistent/folder/commitmentlist"}); err == nil {
		t.Error("no folder for the commitments")
	}
}

func TestClientsAreBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts, Bounds: Bounds{Clients: 2}}, func(t *testing.T, w *world) {
		a := w.connect(alice)
		w.connect(bob)
		refused := func() error {
			ours, theirs := net.Pipe()
			go w.d.Serve(context.Background(), theirs)
			_, err := control.Connect(context.Background(), ours, control.Config{})
			return err
		}
		if err := refused(); !errors.Is(err, control.ErrLimit) {
			t.Errorf("third client: %v", err)
		}
		counted(t, counts, count.LimitClients, 1)
		a.conn.Close()
		<-a.done
		if n := w.connect(carol).status().Clients; n != 2 {
			t.Errorf("%d clients", n)
		}
	})
}

func TestCloseEndsSessions(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.maker(bob)
		if err := w.d.Close(); err != nil {
			t.Error(err)
		}
		<-c.done
		if got := w.pit().Nicks(); len(got) != 0 {
			t.Errorf("on the pit: %v", got)
		}
		_, theirs := net.Pipe()
		if err := w.d.Serve(context.Background(), theirs); !errors.Is(err, ErrClosed) {
			t.Errorf("Serve after Close: %v", err)
		}
	})
}

func TestSecret(t *testing.T) {
	inWorld(t, Config{Secret: "cookie"}, func(t *testing.T, w *world) {
		ours, theirs := net.Pipe()
		served := make(chan error)
		go func() { served <- w.d.Serve(context.Background(), theirs) }()
		if _, err := control.Connect(context.Background(), ours, control.Config{Secret: "biscuit"}); !errors.Is(err, control.ErrUnauthorized) {
			t.Errorf("Connect: %v", err)
		}
		if err := <-served; !errors.Is(err, control.ErrUnauthorized) {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestTwoClientsAreApart(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.enter(control.RoleTaker, alice), w.enter(control.RoleTaker, carol)
		maker := w.puppet(bob).offers()
		first := a.fill(bob)
		synctest.Wait()
		maker.accept(alice)
		expect[control.PubKeyEvent](a)
		b.quiet()
		b.fill(bob)
		a.auth(first, bob)
		if a.status().Clients != 2 || a.status().Conversations != 1 || b.status().Nick != carol {
			t.Errorf("status %+v and %+v", a.status(), b.status())
		}
		b.conn.Close()
		<-b.done
		maker.say(alice, protocol.CmdIOAuth, maker.seal(testIOAuth(1)))
		expect[control.IOAuthEvent](a)
	})
}

func TestStartWait(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other", "third")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		w.pits["third"] = daemontest.NewPit("third", "Third")
		hold, refuse := make(chan struct{}), make(chan struct{})
		w.wrap(func(c control.ChannelConfig, ch channel.Channel) channel.Channel {
			switch c.Name {
			case "other":
				return late{ch, hold, nil}
			case "third":
				return late{ch, refuse, errors.New("the server \x07 bans us")}
			}
			return ch
		})
		c := w.connect(bob)
		start := time.Now()
		c.start(control.RoleMaker)
		c.announce(offer(0))
		e := expect[control.ReadyEvent](c)
		if got := time.Since(start); got != 60*time.Second || !slices.Equal(e.Channels, []string{"pit"}) {
			t.Errorf("ready after %v on %v", got, e.Channels)
		}
		close(hold) // a channel that comes late is used, and told the offers
		close(refuse)
		time.Sleep(time.Minute)
		if got := len(w.pits["other"].Lines()); got != 1 {
			t.Errorf("%d lines on the late channel", got)
		}
		synctest.Wait()
		a := c.status()
		if a.Channels[1].State != control.ChannelUp || a.Channels[1].HostID != "OtherNet" ||
			a.Channels[2].State != control.ChannelFailed || a.Channels[2].Reason != "the server ? bans us" {
			t.Errorf("channels %+v", a.Channels)
		}
		c.quiet()
	})
}

// TestReadyWithoutWaiting: when every channel is up or has failed, there is
// nothing to wait for.
func TestReadyWithoutWaiting(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", "bad\nname")
		start := time.Now()
		c := w.enter(control.RoleWatcher, alice)
		if got := time.Since(start); got != 0 {
			t.Errorf("ready after %v", got)
		}
		if a := c.status(); a.Channels[1].State != control.ChannelLost || a.Channels[1].HostID != "" {
			t.Errorf("a host id that breaks lines: %+v", a.Channels[1])
		}
	})
}

// wrap puts something around the channels of sessions that start from now on.
func (w *world) wrap(f func(control.ChannelConfig, channel.Channel) channel.Channel) {
	inner := w.d.cfg.NewChannel
	w.d.cfg.NewChannel = func(c control.ChannelConfig, n protocol.Nick, network string) (channel.Channel, error) {
		ch, err := inner(c, n, network)
		return f(c, ch), err
	}
}

// late is a channel that does nothing until hold is closed, and then fails if
// err is set.
type late struct {
	channel.Channel
	hold chan struct{}
	err  error
}

func (l late) Run(ctx context.Context, sink func(channel.Event)) error {
	select {
	case <-l.hold:
	case <-ctx.Done():
		return nil
	}
	if l.err != nil {
		return l.err
	}
	return l.Channel.Run(ctx, sink)
}

// TestOrderOfOneSender: verdicts come back in any order, messages of one nick
// are worked off in the order in which they were sent.
func TestOrderOfOneSender(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := openedBy(t, w, taker, maker, 100)
		taker.tx(attempt, bob)
		synctest.Wait()
		const n = 60
		for i := range n {
			w.pit().Say(private(bob, alice, protocol.CmdSig, maker.seal(line.Sig{Script: fmt.Appendf(nil, "%03d", i)}), hostID))
			w.pit().Say(private(nick(i), alice, "sw0reloffer", "0 100000 5000000 0 0.1", hostID))
		}
		for i := range n {
			want := line.Plaintext(line.Sig{Script: fmt.Appendf(nil, "%03d", i)})
			if e := expect[control.SigEvent](taker); e.Sig != want {
				t.Fatalf("signature %d is %s", i, e.Sig)
			}
		}
		synctest.Wait()
		if a := taker.status(); a.Makers != n+1 {
			t.Errorf("%d makers", a.Makers)
		}
	})
}

// TestOrderToOneReceiver: so do messages to one nick.
func TestOrderToOneReceiver(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker)
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(50)}, nil)
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		expect[control.TxEvent](maker)
		var sigs []string
		for i := range 50 {
			sigs = append(sigs, line.Plaintext(line.Sig{Script: fmt.Appendf(nil, "%03d", i)}))
		}
		maker.do(control.MethodSigs, control.SigsRequest{Conversation: e.Conversation, Sigs: sigs}, nil)
		said := w.said(bob, alice, protocol.CmdSig)
		if len(said) != len(sigs) {
			t.Fatalf("%d signatures left", len(said))
		}
		for i, msg := range said {
			if got, err := taker.box.Open(strings.Split(msg, " ")[0]); err != nil || got != sigs[i] {
				t.Errorf("signature %d: %q, %v", i, got, err)
			}
		}
	})
}

func TestClientDoesNotSign(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		w.puppet(bob).offers()
		for name, signer := range map[string]func(control.SignRequest) (control.SignAnswer, error){
			"refuses": func(control.SignRequest) (control.SignAnswer, error) {
				return control.SignAnswer{}, control.ErrInternal
			},
			"nonsense": func(control.SignRequest) (control.SignAnswer, error) {
				return control.SignAnswer{PubKey: fakeKey(bob)[:64] + "!x", Signature: "a b"}, nil
			},
			"too late": func(control.SignRequest) (control.SignAnswer, error) {
				time.Sleep(time.Minute)
				return control.SignAnswer{PubKey: fakeKey(alice), Signature: fakeSignature("", "")}, nil
			},
		} {
			taker.signer = signer
			taker.fill(bob)
			if e := expect[control.FailedEvent](taker); e.Reason != protocol.ReasonClientTimeout {
				t.Errorf("%s: %+v", name, e)
			}
			time.Sleep(time.Minute)
			synctest.Wait() // the last signer is done with the client
		}
		if n := len(w.said(alice, bob, protocol.CmdFill)); n != 0 {
			t.Errorf("%d fills left unsigned", n)
		}
		taker.quiet()
	})
}

// TestD10PanicEndsOneEvent: a fault of ours that a peer can reach costs the
// event, not the session.
func TestD10PanicEndsOneEvent(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c, s := w.inside(alice)
		c.enter(control.RoleWatcher)
		s.post(faulty{})
		if a := c.status(); a.Nick != alice {
			t.Errorf("status %+v", a)
		}
	})
}

type faulty struct{}

func (faulty) happen(*session) { panic("fault") }

// TestT17Junk: no text of a peer disturbs a session.
func TestT17Junk(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, taker := w.maker(bob), w.enter(control.RoleTaker, alice)
		texts := []string{"", "!", "!!", "! ", "!\x00", "!orderbook\r\nQUIT", "!sw0reloffer", "!sw0reloffer " + longText(100_000),
			"!sw0reloffer 0 1 2 3 4 5 6 7", "!cancel", "!cancel -1", "!hp2", "!hp2 \u202e", "!fill", "!fill  ", "!auth  a b", "!tx a b c",
			"!pubkey \x1b[2J", strings.Repeat("!orderbook", 1000), strings.Repeat("!cancel 0", 1000), "\xff\xfe", "!error \u0007 \u202e x y"}
		for _, text := range texts {
			for _, to := range []protocol.Nick{"", alice, bob} {
				w.pit().Say(daemontest.Line{From: mal, To: to, Text: text})
				if to != "" && len(text) > 2 {
					name, rest, _ := strings.Cut(text[1:], " ")
					w.pit().Say(private(mal, to, protocol.Command(name), rest, hostID))
				}
			}
		}
		synctest.Wait()
		for _, c := range []*client{maker, taker} {
			for len(c.events) > 0 {
				if e, ok := (<-c.events).(control.ErrorEvent); ok && !protocol.Printable(e.Text) {
					t.Errorf("text to the client %q", e.Text)
				}
			}
			if a := c.status(); a.Conversations != 0 {
				t.Errorf("status %+v", a)
			}
		}
	})
}

// TestN20GoneBeforeTheVerdict: a message counts although its sender left while
// the client judged it, but does not bring the sender back.
func TestN20GoneBeforeTheVerdict(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := openedBy(t, w, taker, maker, 2)
		taker.tx(attempt, bob)
		synctest.Wait()
		taker.mute = make(chan struct{})
		w.pit().Say(private(bob, alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("one")}), hostID))
		w.pit().Say(private(bob, alice, "sw0reloffer", "0 100000 5000000 0 0.1", hostID))
		w.pit().Say(private(bob, alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("two")}), hostID))
		synctest.Wait()
		w.pit().Leave(bob)
		synctest.Wait()
		close(taker.mute)
		expect[control.SigEvent](taker)
		expect[control.SigEvent](taker)
		if a := taker.status(); a.Makers != 0 || a.Offers != 0 {
			t.Errorf("who left is in the book: %+v", a)
		}
	})
}
