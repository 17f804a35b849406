package onion

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestN8OthersNames: who is connected directly speaks for itself alone, and what
// a directory passes on counts as a claim.
func TestN8OthersNames(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d, p := w.directory(service(1)), w.visit(alice)
		w.heard()
		p.private(bob, "!fill x key sig")
		p.public(bob, "!orderbook")
		p.public(alice, "!sw0reloffer 0 1 2 3 0.1")
		p.say(onion.Message{Type: onion.PeerList, Text: string(bob) + ";" + at})
		d.private(me, "!fill x key sig")
		d.public(me, "!orderbook")
		d.say(onion.Line{From: alice, To: bob, Body: "!fill x key sig"}.Message())
		d.say(onion.Message{Type: onion.Public, Text: string(alice) + "!" + string(me) + "!fill x key sig"})
		w.wants()
		w.c.mu.Lock()
		defer w.c.mu.Unlock()
		if w.c.locate(bob) != "" {
			t.Error("a peer list of somebody that is no directory is believed")
		}
	})
}

// TestN14UnprovenClaim: somebody who connects under the nick of another gets
// nothing that is for the other, asks for nothing in its name, and takes the place
// of nobody; once the other has proven itself, neither.
func TestN14UnprovenClaim(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		d.private(alice, "!fill x key sig")
		w.proves(alice)
		thief := w.visit(alice)
		thief.public(alice, "!orderbook")
		w.wants()
		w.send("pubkey", "sw0reloffer")
		d.wants("pubkey", "sw0reloffer")
		thief.wants()
	})
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d, taker := w.directory(service(1)), w.visit(alice)
		taker.private(alice, "!fill x key sig")
		w.proves(alice)
		thief := w.visit(alice)
		d.private(alice, "!auth y key nosig") // in its name, but not signed by it
		w.heard()
		w.send("pubkey")
		taker.wants("pubkey")
		thief.wants()
		d.wants()
		thief.close()
		w.wants()
		w.send("ioauth")
		taker.wants("ioauth")
	})
}

// TestN14Places: connections are bounded, and who fills all places without saying
// anything that is signed gives them up to others.
func TestN14Places(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.directory(service(1))
		proven := w.visit(alice)
		w.heard()
		proven.private(alice, "!fill x key sig")
		w.proves(alice)
		all := []*peer{proven}
		for len(all) < maxInbound {
			all = append(all, w.visit(protocol.RandomNick()))
		}
		if p := w.knock(); !p.closed() {
			t.Error("one more than there may be")
		}
		time.Sleep(firstWord + time.Second)
		if p := w.knock(); !p.closed() {
			t.Error("one more than there may be")
		}
		w.visit(bob)
		if proven.closed() {
			t.Error("who has proven itself loses its place")
		}
	})
}

// TestN10Replays: a line that was recorded and comes again, through anybody, is
// not told twice while it counts, and does not move a conversation away.
func TestN10Replays(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d, taker := w.directory(service(1)), w.visit(alice)
		taker.private(alice, "!fill x key sig")
		w.proves(alice)
		thief := w.visit(alice)
		for _, p := range []*peer{d, thief, taker} {
			p.private(alice, "!fill x key sig")
		}
		w.wants()
		w.send("pubkey")
		taker.wants("pubkey")
		thief.wants()
	})
}

// TestN10RecordedTraffic: what a taker of the reference was told in a whole
// CoinJoin, and then all of it once more, through the directory and by somebody
// who claims to be the maker: nothing is told again, and nobody takes a
// maker's place.
func TestN10RecordedTraffic(t *testing.T) {
	text, err := os.ReadFile("testdata/onion.txt")
	if err != nil {
		t.Fatal(err)
	}
	const taker protocol.Nick = "J5AqTwLrE6dLBYbA"
	var lines []string
	for line := range strings.Lines(string(text)) {
		head, raw, _ := strings.Cut(strings.TrimSpace(line), " | ")
		if strings.Contains(head, string(taker)+" <- ") && (strings.Contains(raw, `"type": 685`) || strings.Contains(raw, `"type": 687`)) {
			lines = append(lines, raw)
		}
	}
	inWorld(t, Config{Nick: taker, Network: "testnet"}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.accept(service(1))
		d.say(onion.DirectoryHello{Accepted: true, Network: "testnet"}.Message())
		synctest.Wait()
		w.heard()
		var events []channel.Event
		for _, line := range lines {
			d.raw(line + "\r\n")
			events = append(events, w.heard()...)
		}
		if len(lines) < 15 || len(events) != len(lines) {
			t.Fatalf("%d lines, %d events", len(lines), len(events))
		}
		for _, ev := range events {
			if p, ok := ev.(channel.Private); ok {
				w.c.Proven(p.From, p.Way)
				thief := w.knock()
				thief.say(onion.ClientHello{Location: onion.NotServing, Nick: p.From, Network: "testnet"}.Message())
				for _, line := range lines {
					thief.raw(line + "\r\n")
				}
			}
		}
		for _, line := range lines {
			d.raw(line + "\r\n")
		}
		w.wants()
		d.said()
		for _, ev := range events {
			if p, ok := ev.(channel.Private); ok {
				if err := w.c.SendPrivate(p.From, "tx", "x key sig"); err != nil {
					t.Error(err)
				}
				if got := d.said(); len(got) != 1 {
					t.Errorf("to %s: the directory is sent %q", p.From, got)
				}
			}
		}
	})
}

// TestN16Cancels: another's cancel is passed on as what it is, a claim in public;
// it comes neither as private nor through a direct connection.
func TestN16Cancels(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d, p := w.directory(service(1)), w.visit(bob)
		w.heard()
		p.public(alice, "!cancel 0")
		p.public(bob, "!cancel 0")
		d.say(onion.Message{Type: onion.Private, Text: string(alice) + "!PUBLIC!cancel 0"})
		w.wants()
		d.public(alice, "!cancel 0")
		w.wants(channel.Public{From: alice, Text: "!cancel 0"})
	})
}

// TestN18Circuits: each place that a nick connects to is reached by circuits of
// its own, and no other nick shares them.
func TestN18Circuits(t *testing.T) {
	whose := map[string]string{} // by identity
	for _, nick := range []protocol.Nick{me, bob} {
		inWorld(t, Config{Nick: nick}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
			w.open(at)
			w.directory(service(1)).offers(alice, at)
			w.directory(service(2))
			w.send("fill")
			if len(w.ids) != 3 {
				t.Fatalf("dialled %v, want two directories and a maker", w.dialed)
			}
			for place, id := range w.ids {
				if other := whose[id]; other != "" {
					t.Errorf("%s to %s has the circuits of %s", nick, place, other)
				}
				if strings.Contains(id, string(nick)) {
					t.Errorf("the proxy is told the nick: %q", id)
				}
				whose[id] = string(nick) + " to " + place
			}
		})
	}
}
