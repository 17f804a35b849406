package onion

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

func TestBadConfiguration(t *testing.T) {
	for name, directories := range map[string][]string{
		"none": nil, "twice": {service(1), service(1)}, "clearnet": {"example.com:5222"}, "loopback": {"127.0.0.1:5222"}, "no port": {service(1)[:62]},
		"not serving": {string(onion.NotServing)}, "too many": slices.Repeat([]string{service(1)}, 17),
	} {
		c := New(Config{Nick: me, Network: "signet", Directories: directories, Dial: (&world{}).dial})
		var last channel.Event
		if err := c.Run(t.Context(), func(ev channel.Event) { last = ev }); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
		if state, _ := last.(channel.State); state.State != control.ChannelFailed || state.Reason == "" {
			t.Errorf("%s: told %+v", name, last)
		}
	}
}

// TestReadyWithTheFirst: one directory is enough, whenever it comes, and others
// are told what was asked.
func TestReadyWithTheFirst(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2), service(3)}, func(t *testing.T, w *world) {
		w.accept(service(3)).close()
		w.shut(service(3))
		silent := w.accept(service(1))
		if s := w.state(); s != control.ChannelConnecting {
			t.Errorf("without a directory: %s", s)
		}
		if err := w.c.SendPublic([]string{"!orderbook"}); !errors.Is(err, channel.ErrDown) {
			t.Errorf("sent without a directory: %v", err)
		}
		two := w.directory(service(2))
		if s := w.state(); s != control.ChannelUp {
			t.Errorf("with a directory: %s", s)
		}
		if err := w.c.SendPublic([]string{"!orderbook"}); err != nil {
			t.Error(err)
		}
		const asked = string(me) + "!PUBLIC!orderbook"
		if got := two.said(); !slices.Equal(got, []string{asked}) {
			t.Errorf("directory is told %q", got)
		}
		w.heard()
		silent.next()
		silent.say(onion.DirectoryHello{Accepted: true, Network: "signet"}.Message())
		if got := silent.said(); !slices.Equal(got, []string{asked}) {
			t.Errorf("directory that came later is told %q", got)
		}
		if ev := w.heard(); len(ev) != 1 || ev[0].(channel.State).State != control.ChannelUp {
			t.Errorf("a further directory: %+v", ev)
		}
		r := w.c.Report()
		if d := r.Directories; len(d) != 3 || d[0].State != string(Up) || d[1].State != string(Up) || d[2].State != string(Waiting) || d[2].Reason == "" || d[2].Next == 0 {
			t.Errorf("report %+v", r)
		}
	})
}

func TestPublicLines(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		groups := []string{"!sw0reloffer 0 1 2 3 0.1", "!cancel 1", "!sw0absoffer 2 1 2 3 4", "!cancel 3"}
		if err := w.c.SendPublic(groups); err != nil {
			t.Fatal(err)
		}
		want := []string{"!cancel 1!cancel 3", "!sw0reloffer 0 1 2 3 0.1", "!sw0absoffer 2 1 2 3 4"}
		for i := range want {
			want[i] = string(me) + "!PUBLIC" + want[i]
		}
		if got := d.said(); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		for text, want := range map[string]error{"!a\r\nb": channel.ErrText, "x": channel.ErrText, "!" + strings.Repeat("x", 40_000): channel.ErrTooLarge} {
			if err := w.c.SendPublic([]string{text}); !errors.Is(err, want) {
				t.Errorf("%.10q: %v", text, err)
			}
		}
		if err := w.c.SendPrivate(alice, "error", "a\nb"); !errors.Is(err, channel.ErrText) {
			t.Error(err)
		}
		if err := w.c.SendPrivate(alice, "tx", strings.Repeat("x", 40_000)); !errors.Is(err, channel.ErrTooLarge) {
			t.Error(err)
		}
		d.public(alice, "!orderbook")
		synctest.Wait()
		if err := w.c.SendPrivate(alice, "tx", strings.Repeat("x", 39_800)); err != nil {
			t.Errorf("a tx of the greatest size: %v", err)
		}
	})
}

// TestRepeats: what comes through several directories comes once.
func TestRepeats(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		one, two := w.directory(service(1)), w.directory(service(2))
		say := func() {
			for _, d := range []*peer{one, two} {
				d.public(alice, "!sw0reloffer 0 1 2 3 0.1")
				d.private(alice, "!pubkey x y z")
			}
		}
		want := []channel.Event{channel.Public{From: alice, Text: "!sw0reloffer 0 1 2 3 0.1"}, channel.Private{From: alice, Text: "!pubkey x y z"}}
		say()
		w.wants(want...)
		time.Sleep(repeatFor + time.Second)
		say()
		w.wants(want...)
		one.public(bob, "!sw0reloffer 0 1 2 3 0.1")
		w.wants(channel.Public{From: bob, Text: "!sw0reloffer 0 1 2 3 0.1"})
	})
}

// TestMOTD: what an operator wrote is told once, fit to be shown, and what
// programs write there is not.
func TestMOTD(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		for _, at := range []string{service(1), service(2)} {
			p := w.accept(at)
			p.say(onion.DirectoryHello{Accepted: true, Network: "signet",
				MOTD: "DIRECTORY NODE: x\nJOINMARKET VERSION: 0.9.12\nJoinMarket NG Directory Server https://example.org/\nJoinMarket NG version: 0.37.0\nUpgrade \x1b[31mnow" + strings.Repeat("!", 2000)}.Message())
		}
		w.wants(channel.Alert{Text: "Upgrade ?[31mnow" + strings.Repeat("!", protocol.MaxErrorText-16)})
	})
}

func TestDirectoryHellos(t *testing.T) {
	good := onion.DirectoryHello{Accepted: true, Network: "signet"}
	for name, m := range map[string]onion.Message{
		"not accepted":     {Type: onion.HelloDirectory, Text: strings.Replace(good.Message().Text, `"accepted": true`, `"accepted": false`, 1)},
		"other network":    onion.DirectoryHello{Accepted: true, Network: "mainnet"}.Message(),
		"other version":    {Type: onion.HelloDirectory, Text: strings.ReplaceAll(good.Message().Text, "5", "6")},
		"form of a client": onion.ClientHello{Location: onion.NotServing, Nick: alice, Network: "signet"}.Message(),
		"no JSON":          {Type: onion.HelloDirectory, Text: "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
				p := w.accept(service(1))
				p.say(m)
				if !p.closed() || w.state() == control.ChannelUp {
					t.Errorf("closed %v, channel %s", p.closed(), w.state())
				}
				if r := w.c.Report().Directories[0]; r.State != string(Waiting) || r.Reason == "" {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

// TestRefusal: why a directory does not accept us is told, if it says so.
func TestRefusal(t *testing.T) {
	for motd, want := range map[string]string{
		"Rejected: verified nick authentication required": `it does not accept us: "verified nick authentication required"`,
		"Rejected: \x1b[31m" + strings.Repeat("!", 2000):  `it does not accept us: "\x1b[31m` + strings.Repeat("!", 95) + `"`,
		"Welcome, all": "it does not accept us",
	} {
		inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
			p := w.accept(service(1))
			p.say(onion.DirectoryHello{Network: "signet", MOTD: motd}.Message())
			if !p.closed() {
				t.Error("not closed")
			}
			if r := w.c.Report().Directories[0]; !strings.HasSuffix(r.Reason, want) {
				t.Errorf("reason %q, want %q", r.Reason, want)
			}
		})
	}
}

// TestLost: without any connection the channel is lost, at once for a maker and
// after a while for a taker, who could dial makers that it knows; and it comes
// back.
func TestLost(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		w.c.mu.Lock()
		w.c.serving = true
		w.c.mu.Unlock()
		d.close()
		if s := w.state(); s != control.ChannelLost {
			t.Errorf("a maker's: %s", s)
		}
	})
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.directory(service(1)).close()
		if s := w.state(); s != control.ChannelLost {
			t.Errorf("of a taker that knows nobody: %s", s)
		}
	})
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		d.offers(alice, at)
		d.close()
		w.shut(service(1))
		if s := w.state(); s != control.ChannelUp {
			t.Errorf("a moment later: %s", s)
		}
		time.Sleep(holdFor + 2*sweepEvery)
		if s := w.state(); s != control.ChannelLost {
			t.Errorf("after %v: %s", holdFor, s)
		}
		w.open(service(1))
		w.directory(service(1))
		if s := w.state(); s != control.ChannelUp {
			t.Errorf("when the directory is back: %s", s)
		}
	})
}

// TestFlush waits for what was given to be written.
func TestFlush(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		d.public(alice, "!orderbook")
		synctest.Wait()
		if err := w.c.SendPrivate(alice, "pubkey", "x y z"); err != nil {
			t.Fatal(err)
		}
		w.c.Flush(t.Context())
		if got := d.said(); len(got) != 1 {
			t.Errorf("said %q", got)
		}
	})
}
