package onion

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestN7PeerLists: what a directory says never has anything dialled but the onion
// service that it names for a nick that we choose, never in the place of one that
// we know, and of so many nicks at most.
func TestN7PeerLists(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		good, bad := w.directory(service(1)), w.directory(service(2))
		w.open(at)
		good.offers(alice, at)
		w.send("fill")
		m := w.maker(at, alice)
		w.heard()
		m.private(alice, "!pubkey x key sig")
		w.proves(alice)
		m.close()
		bad.list(string(alice)+";"+service(66), string(bob)+";127.0.0.1:5222", string(bob)+";example.com:80", string(bob)+";"+service(1),
			string(me)+";"+service(66), string(bob)+";"+service(66)[1:])
		w.send("fill")
		w.maker(at, alice).wants("fill")
		for _, d := range []*peer{good, bad} {
			d.private(bob, "!sw0reloffer 0 1 2 3 0.1 key sig")
		}
		synctest.Wait()
		if err := w.c.SendPrivate(bob, "fill", "x key sig"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		w.mu.Lock()
		dialed := slices.Clone(w.dialed)
		w.mu.Unlock()
		if want := []string{at, at, service(1), service(2)}; !slices.Equal(slices.Sorted(slices.Values(dialed)), slices.Sorted(slices.Values(want))) {
			t.Errorf("dialled %q", dialed)
		}
		for range 40 {
			var entries []string
			for range 400 {
				entries = append(entries, string(protocol.RandomNick())+";"+service(66))
			}
			bad.list(entries...)
		}
		w.c.mu.Lock()
		defer w.c.mu.Unlock()
		if n := len(w.c.directories[1].listed); n != maxRoster {
			t.Errorf("%d nicks are kept of one directory", n)
		}
		for range 20 {
			if w.c.locate(alice) != onion.Location(at) {
				t.Fatal("a known maker is looked for elsewhere")
			}
		}
	})
}

// TestN7OtherNickAnswers: an onion service that says another nick is not the one.
func TestN7OtherNickAnswers(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		w.send("fill")
		m := w.maker(at, bob)
		if !m.closed() {
			t.Error("the connection is kept")
		}
		d.wants("fill")
	})
}

// TestN11Coverage: a directory that shows far fewer makers than the others is
// told of.
func TestN11Coverage(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2), service(3)}, func(t *testing.T, w *world) {
		good, other, bad := w.directory(service(1)), w.directory(service(2)), w.directory(service(3))
		if err := w.c.SendPublic([]string{"!orderbook"}); err != nil {
			t.Fatal(err)
		}
		for i := range 24 {
			nick := protocol.RandomNick()
			good.private(nick, "!sw0reloffer 0 1 2 3 0.1 key sig")
			other.public(nick, "!sw0reloffer 0 1 2 3 0.1")
			if i < 2 {
				bad.private(nick, "!sw0reloffer 0 1 2 3 0.1 key sig")
			}
		}
		synctest.Wait()
		time.Sleep(compareAfter + 2*sweepEvery)
		var few []bool
		var makers []int
		for _, d := range w.c.Report().Directories {
			few, makers = append(few, d.Few), append(makers, d.Makers)
		}
		if !slices.Equal(few, []bool{false, false, true}) || !slices.Equal(makers, []int{24, 24, 2}) {
			t.Errorf("makers %v, far fewer %v", makers, few)
		}
	})
}

// TestN11OneHonestDirectory: a directory that swallows what it should pass on,
// and lies about where a maker is, keeps nobody from a maker that another one
// names.
func TestN11OneHonestDirectory(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		good, bad := w.directory(service(1)), w.directory(service(2))
		w.open(at)
		good.offers(alice, at)
		bad.offers(alice, service(66))
		reached := false
		for range 20 {
			w.send("fill")
			synctest.Wait()
			if w.dials(at) > 0 {
				w.maker(at, alice).wants("fill")
				reached = true
				break
			}
			time.Sleep(2 * avoidFor)
		}
		if !reached {
			t.Error("the maker is never dialled where it is")
		}
	})
}

// TestN11Impostor: an onion service that a directory names in a maker's place,
// says the maker's nick and is silent, is taken for the maker once.
func TestN11Impostor(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		good, bad := w.directory(service(1)), w.directory(service(2))
		w.open(service(66))
		bad.offers(alice, service(66))
		w.send("fill")
		impostor := w.maker(service(66), alice)
		impostor.wants("fill")
		time.Sleep(time.Minute)
		w.open(at)
		good.offers(alice, at)
		w.send("fill")
		w.maker(at, alice).wants("fill")
		if !impostor.closed() || w.dials(service(66)) != 1 {
			t.Errorf("the impostor is kept: closed %v, dialled %d times", impostor.closed(), w.dials(service(66)))
		}
	})
}

// TestN12Storm: bots that lose a directory at once do not all come back at once,
// and none waits longer than a quarter of an hour.
func TestN12Storm(t *testing.T) {
	var seconds [200]int
	late := 0
	for range 1000 {
		var b backoff
		wait := b.next(time.Hour, false)
		seconds[wait/time.Second]++
		if wait > time.Minute {
			late++
		}
		for range 50 {
			wait = b.next(0, false)
		}
		if wait > longestWait || wait < longestWait/4 {
			t.Errorf("after many attempts: %v", wait)
		}
		if wait = b.next(stableAfter, true); wait > spreadAlone+10*time.Second {
			t.Errorf("after a connection that lasted: %v", wait)
		}
	}
	if most := slices.Max(seconds[:]); most > 50 || late < 300 {
		t.Errorf("of 1000 bots %d come within one second, %d after more than a minute", most, late)
	}
}

// TestN20Leaving: a nick left when all directories that heard it say so and go on
// to be there; one of them, or one that is only heard to end, is not enough.
func TestN20Leaving(t *testing.T) {
	left := func(at string) string { return string(alice) + ";" + at + ";D" }
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		one, two := w.directory(service(1)), w.directory(service(2))
		for _, d := range []*peer{one, two} {
			d.public(alice, "!sw0reloffer 0 1 2 3 0.1")
			d.public(bob, "!sw0reloffer 0 1 2 3 0.1")
		}
		w.heard()
		one.list(left(at), string(carol)+";"+at+";D")
		time.Sleep(10 * time.Minute)
		w.wants()
		two.list(left(at))
		w.wants()
		time.Sleep(leaveAfter + sweepEvery)
		w.wants(channel.Left{Nick: alice})
		one.list(string(bob) + ";" + at + ";D")
		two.list(string(bob) + ";" + at + ";D")
		two.close() // it ends, and said so of all
		time.Sleep(leaveAfter + sweepEvery)
		w.wants()
	})
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		w.send("fill")
		m := w.maker(at, alice)
		w.heard()
		d.list(left(at))
		time.Sleep(10 * time.Minute)
		w.wants() // we talk to it
		m.close()
		d.public(alice, "!sw0reloffer 0 1 2 3 0.1")
		w.wants(channel.Public{From: alice, Text: "!sw0reloffer 0 1 2 3 0.1"})
	})
}
