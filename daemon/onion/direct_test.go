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

// at is a maker's location in these tests.
var at = service(9)

// list has a directory say where nicks are.
func (p *peer) list(entries ...string) {
	p.say(onion.Message{Type: onion.PeerList, Text: strings.Join(entries, ",")})
	synctest.Wait()
}

// offers has a directory show a maker, with its location.
func (p *peer) offers(nick protocol.Nick, location string) {
	p.private(nick, "!sw0reloffer 0 1 2 3 0.1 key sig")
	p.list(string(nick) + ";" + location)
}

// send sends private messages of a conversation with alice.
func (w *world) send(commands ...string) {
	w.t.Helper()
	for _, command := range commands {
		if err := w.c.SendPrivate(alice, command, "x key sig"); err != nil {
			w.t.Errorf("%s: %v", command, err)
		}
	}
	synctest.Wait()
}

// commands are those of private messages that came.
func (p *peer) commands() (names []string) {
	for _, text := range p.said() {
		_, body, _ := strings.Cut(text, string(alice)+"!")
		name, _, _ := strings.Cut(body, " ")
		names = append(names, name)
	}
	return names
}

func (p *peer) wants(names ...string) {
	p.t.Helper()
	if got := p.commands(); !slices.Equal(got, names) {
		p.t.Errorf("was sent %q, want %q", got, names)
	}
}

// TestDirect: a conversation with a maker that can be reached is held directly
// from its first word on, and nothing of it passes a directory.
func TestDirect(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		if w.dials(at) != 0 {
			t.Error("a maker is dialled for nothing")
		}
		w.send("fill", "auth")
		m := w.maker(at, alice)
		m.wants("fill", "auth")
		w.heard()
		m.private(alice, "!pubkey x key sig")
		w.wants(channel.Private{From: alice, Text: "!pubkey x key sig"})
		w.send("tx")
		m.wants("tx")
		d.wants()
		if r := w.c.Report(); r.Direct != 1 {
			t.Errorf("report %+v", r)
		}
	})
}

// TestSlowMaker: what waits for a maker that is dialled goes through a directory
// in time, and stays there.
func TestSlowMaker(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		w.send("fill")
		d.wants()
		time.Sleep(patience + time.Second)
		d.wants("fill")
		m := w.maker(at, alice) // late
		w.send("auth")
		d.wants("auth")
		m.wants()
		w.send("fill") // the next conversation
		m.wants("fill")
	})
}

// TestUnreachableMaker: one that cannot be dialled is spoken to through a
// directory at once.
func TestUnreachableMaker(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		d.offers(alice, at)
		w.send("fill")
		d.wants("fill")
		if w.dials(at) != 1 {
			t.Errorf("dialled %d times", w.dials(at))
		}
		w.send("fill", "auth")
		d.wants("fill", "auth")
		if w.dials(at) != 1 {
			t.Errorf("dialled again at once: %d times", w.dials(at))
		}
	})
}

// TestDirectBreaks: a conversation goes on through a directory when the direct
// connection breaks, even with what had not left yet.
func TestDirectBreaks(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		w.send("fill")
		m := w.maker(at, alice)
		m.wants("fill")
		w.shut(at)
		m.close()
		w.send("auth")
		d.wants("auth")
		w.wants(channel.Private{From: alice, Text: "!sw0reloffer 0 1 2 3 0.1 key sig"}) // and not that it left
	})
}

// TestNothingIsLeftBehind: what waited for a connection that breaks takes the
// other way, in its order.
func TestNothingIsLeftBehind(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		w.send("fill")
		m := w.maker(at, alice)
		w.c.mu.Lock()
		w.c.direct(alice).out = newOutbox(maxDirectBytes) // that nobody empties
		w.c.mu.Unlock()
		w.send("auth", "tx", "push")
		w.shut(at)
		m.close()
		d.wants("auth", "tx", "push")
	})
}

// TestTakerKeepsTheWay: answers that come by another way, as some makers send
// them by all, do not move a taker.
func TestTakerKeepsTheWay(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		one, two := w.directory(service(1)), w.directory(service(2))
		one.private(alice, "!sw0reloffer 0 1 2 3 0.1 key sig")
		w.heard()
		w.send("fill")
		two.private(alice, "!pubkey x key sig")
		w.proves(alice)
		w.send("auth")
		one.wants("fill", "auth")
		two.wants()
	})
}

// TestRelayBreaks: a relayed conversation keeps to one directory, and goes on
// through another, or directly, when that breaks.
func TestRelayBreaks(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2), service(3)}, func(t *testing.T, w *world) {
		all := []*peer{w.directory(service(1)), w.directory(service(2)), w.directory(service(3))}
		for _, d := range all {
			d.private(alice, "!sw0reloffer 0 1 2 3 0.1 key sig")
		}
		synctest.Wait()
		for range 3 {
			for _, d := range all {
				d.said()
			}
			w.send("fill", "auth", "tx", "push")
			told := slices.IndexFunc(all, func(d *peer) bool { return len(d.said()) == 4 })
			if told < 0 {
				t.Fatal("a conversation is divided among directories")
			}
			if len(all) > 1 {
				all[told].close()
				all = slices.Delete(all, told, told+1)
				w.send("error")
				w.send("push")
				if n := slices.IndexFunc(all, func(d *peer) bool { return slices.Contains(d.commands(), "push") }); n < 0 {
					t.Error("the rest of the conversation is lost with its directory")
				}
			}
		}
		all[0].list(string(alice) + ";" + at)
		all[0].close()
		w.open(at)
		w.send("push")
		w.maker(at, alice).wants("push")
	})
}

// TestMakerAnswersWhereItIsAsked: a maker's answers take the way by which its
// taker is proven to speak.
func TestMakerAnswersWhereItIsAsked(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		d.public(alice, "!orderbook")
		w.send("sw0reloffer")
		d.wants("sw0reloffer")
		taker := w.visit(alice)
		taker.private(alice, "!fill x key sig")
		w.proves(alice)
		w.send("pubkey")
		taker.wants("pubkey")
		taker.private(alice, "!auth x key sig")
		w.proves(alice)
		w.send("ioauth", "sig")
		taker.wants("ioauth", "sig")
		taker.close()
		w.send("sig")
		d.wants("sig")
		d.private(alice, "!tx x key sig")
		w.proves(alice)
		w.send("sig")
		d.wants("sig")
	})
}

// proves has the session find that what a nick said last is signed by it.
func (w *world) proves(nick protocol.Nick) {
	w.t.Helper()
	proven := false
	for _, ev := range w.heard() {
		if p, ok := ev.(channel.Private); ok && p.From == nick {
			w.c.Proven(nick, p.Way)
			proven = true
		}
	}
	if !proven {
		w.t.Errorf("nothing was heard from %s", nick)
	}
}

// TestOrderBookWithoutDirectories: makers that we have spoken to are asked
// themselves when no directory is left.
func TestOrderBookWithoutDirectories(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		w.send("fill")
		m := w.maker(at, alice)
		w.heard()
		m.private(alice, "!pubkey x key sig")
		w.proves(alice)
		m.close()
		d.close()
		w.shut(service(1))
		if err := w.c.SendPublic([]string{"!orderbook"}); err != nil {
			t.Fatal(err)
		}
		m = w.maker(at, alice)
		if got := m.said(); !slices.Equal(got, []string{string(me) + "!PUBLIC!orderbook"}) {
			t.Errorf("asked %q", got)
		}
		m.private(alice, "!sw0reloffer 1 1 2 3 0.1 key sig")
		w.wants(channel.Private{From: alice, Text: "!sw0reloffer 1 1 2 3 0.1 key sig"})
		if err := w.c.SendPublic([]string{"!cancel 1"}); !errors.Is(err, channel.ErrDown) {
			t.Errorf("an announcement that nobody hears: %v", err)
		}
	})
}

// TestAskedDirectly: a maker answers who asks it for its offers without a
// directory.
func TestAskedDirectly(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.directory(service(1))
		taker := w.visit(alice)
		taker.public(alice, "!orderbook")
		w.wants(channel.Public{From: alice, Text: "!orderbook"})
		w.send("sw0reloffer")
		taker.wants("sw0reloffer")
	})
}

// TestNoWay: who is nowhere has left, as far as we can see.
func TestNoWay(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.directory(service(1))
		if err := w.c.SendPrivate(alice, "sw0reloffer", "x key sig"); !errors.Is(err, channel.ErrDown) {
			t.Errorf("%v", err)
		}
		w.wants(channel.Left{Nick: alice})
		if err := w.c.SendPrivate(me, "fill", "x key sig"); err != nil {
			t.Errorf("to ourselves: %v", err)
		}
	})
}

// TestIdle: direct connections that say nothing are closed, those to directories
// are not.
func TestIdle(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		taker := w.visit(alice)
		time.Sleep(idleTimeout - time.Second)
		if taker.closed() {
			t.Error("closed too soon")
		}
		time.Sleep(2 * time.Second)
		if !taker.closed() || d.closed() {
			t.Errorf("taker's closed %v, directory's %v", taker.closed(), d.closed())
		}
		if s := w.state(); s != control.ChannelUp {
			t.Errorf("%s", s)
		}
	})
}
