package onion

import (
	"fmt"
	"os"
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

// TestN2NothingBeforeTheHello: who says anything else first is not listened to,
// and who says nothing is not waited for.
func TestN2NothingBeforeTheHello(t *testing.T) {
	early := []onion.Message{
		onion.Line{From: alice, Body: "!orderbook"}.Message(), onion.Line{From: alice, To: me, Body: "!fill x y z"}.Message(),
		{Type: onion.PeerList, Text: string(alice) + ";" + service(9)}, {Type: onion.GetPeerList}, {Type: onion.Ping}, {Type: onion.Pong}, {Type: 801}, {Type: 1},
	}
	for _, m := range early {
		inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
			d, p := w.accept(service(1)), w.knock()
			d.say(m)
			p.say(m)
			if !d.closed() || !p.closed() {
				t.Errorf("type %d before the hello: directory closed %v, peer %v", m.Type, d.closed(), p.closed())
			}
			w.wants()
		})
	}
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d, p := w.accept(service(1)), w.knock()
		time.Sleep(helloTimeout - time.Second)
		if p.closed() || d.closed() {
			t.Error("closed too soon")
		}
		time.Sleep(2 * time.Second)
		if !p.closed() || d.closed() {
			t.Error("a silent peer is waited for, or a directory over Tor is not")
		}
		time.Sleep(torTimeout - helloTimeout)
		if !d.closed() {
			t.Error("a silent directory is waited for")
		}
	})
}

// TestN3SlowAndLarge: a line that is too long ends the connection, and one that
// never ends does so in time.
func TestN3SlowAndLarge(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.directory(service(1))
		large, slow := w.visit(alice), w.visit(bob)
		go large.raw(strings.Repeat("x", 50_000))
		if !large.closed() {
			t.Error("a line of 50,000 bytes is read on")
		}
		began := time.Now()
		for range 100 {
			slow.raw("{")
			if slow.closed() {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < lineTimeout-time.Second || took > lineTimeout+2*time.Second {
			t.Errorf("a line that comes byte by byte was waited for %v", took)
		}
	})
}

// TestN3TxIsNotDropped: the greatest messages, and many at once, come in whole,
// however fast they are sent.
func TestN3TxIsNotDropped(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.directory(service(1))
		taker := w.visit(alice)
		w.heard()
		go func() {
			for i := range 100 {
				taker.private(alice, fmt.Sprintf("!tx %d%s key sig", i, strings.Repeat("x", 39_000)))
			}
		}()
		time.Sleep(time.Minute)
		if got := w.heard(); len(got) != 100 {
			t.Errorf("%d messages of 100", len(got))
		}
	})
}

// TestN4BadJSON ends the connection, before and after the hello.
func TestN4BadJSON(t *testing.T) {
	for _, line := range []string{"", "{", `{"type": 687.0, "line": "x"}`, strings.Repeat("[", 30_000), `{"type": 687, "type": 685, "line": "x"}`, "{\"type\": 687, \"line\": \"\xff\"}", `{"type": 687, "line": "\ud800"}`} {
		inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
			d, p, q := w.directory(service(1)), w.visit(alice), w.knock()
			for _, end := range []*peer{d, p, q} {
				go end.raw(line + "\r\n")
				if !end.closed() {
					t.Errorf("%.40q: goes on", line)
				}
			}
		})
	}
}

// TestN6EveryType: of all numbers only those of the protocol do something, from
// anybody and in each state; none makes us forget a peer or say something the
// reference would stumble over.
func TestN6EveryType(t *testing.T) {
	for _, text := range []string{"", service(1), "127.0.0.1:5222"} {
		inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
			d, p := w.directory(service(1)), w.visit(alice)
			d.said()
			w.heard()
			for n := range 1000 {
				line := fmt.Sprintf(`{"type": %d, "line": %q}`+"\r\n", n, text)
				d.raw(line)
				p.raw(line)
			}
			time.Sleep(5 * time.Minute)
			w.wants()
			if d.closed() || p.closed() || w.dials(service(1)) != 1 {
				t.Errorf("%q: directory closed %v, peer %v", text, d.closed(), p.closed())
			}
			r := w.c.Report()
			if r.State != string(control.ChannelUp) || r.Direct != 1 || r.Directories[0].State != string(Up) {
				t.Errorf("%q: %+v", text, r)
			}
		})
	}
}

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

// TestN19Reference: a directory that announces nothing is neither pinged nor
// asked for peers, nor answered a ping; joinmarket-ng's of before April 2026 only
// knows the list.
func TestN19Reference(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2), service(3)}, func(t *testing.T, w *world) {
		reference, old := w.directory(service(1)), w.directory(service(3), onion.FeaturePeerList)
		other := w.directory(service(2), onion.FeaturePeerList, onion.FeaturePing)
		p := w.visit(alice)
		for _, d := range []*peer{reference, old, other, p} {
			d.say(onion.Message{Type: onion.Ping})
		}
		time.Sleep(10 * time.Minute)
		if len(reference.in) != 0 || len(p.in) != 0 {
			t.Errorf("to the reference: %v, to a taker %v", len(reference.in), len(p.in))
		}
		if len(old.in) != 1 || (<-old.in).Type != onion.GetPeerList {
			t.Error("to who knows lists: not what gets one alone")
		}
		var types []onion.Type
		for len(other.in) > 0 {
			types = append(types, (<-other.in).Type)
		}
		if len(types) < 8 || types[0] != onion.GetPeerList || types[1] != onion.Pong || types[2] != onion.Ping {
			t.Errorf("to who knows them: %v", types)
		}
	})
}

// TestN19Eviction: joinmarket-ng ends bots that say nothing for 25 minutes. We say
// something, however much comes.
func TestN19Eviction(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1), onion.FeaturePing)
		for range 30 {
			d.public(alice, "!hp2 "+strings.Repeat("0", 64))
			d.say(onion.Message{Type: onion.Pong})
			time.Sleep(50 * time.Second)
		}
		if n := len(d.in); n < 5 || n > 6 || (<-d.in).Type != onion.Ping {
			t.Errorf("%d lines in 25 minutes", n)
		}
	})
}

// TestN19DeadDirectory: one that used to answer pings and is silent is given up,
// one that never did is not.
func TestN19DeadDirectory(t *testing.T) {
	inWorld(t, Config{}, []string{service(1), service(2)}, func(t *testing.T, w *world) {
		answers, never := w.directory(service(1), onion.FeaturePing), w.directory(service(2), onion.FeaturePing)
		answers.say(onion.Message{Type: onion.Pong})
		time.Sleep(deadAfter + 2*sweepEvery)
		if !answers.closed() || never.closed() {
			t.Errorf("closed %v and %v", answers.closed(), never.closed())
		}
	})
}

// TestN19DirectHellos: who is of another network, ourselves, or a directory, is
// no peer.
func TestN19DirectHellos(t *testing.T) {
	hello := func(edit func(h *onion.ClientHello)) onion.Message {
		h := onion.ClientHello{Location: onion.NotServing, Nick: alice, Network: "signet"}
		edit(&h)
		return h.Message()
	}
	for name, m := range map[string]onion.Message{
		"other network":    hello(func(h *onion.ClientHello) { h.Network = "mainnet" }),
		"ourselves":        hello(func(h *onion.ClientHello) { h.Nick = me }),
		"no nick":          hello(func(h *onion.ClientHello) { h.Nick = "alice" }),
		"clearnet":         hello(func(h *onion.ClientHello) { h.Location = "example.com:5222" }),
		"loopback":         hello(func(h *onion.ClientHello) { h.Location = "127.0.0.1:5222" }),
		"as a directory":   onion.DirectoryHello{Accepted: true, Network: "signet"}.Message(),
		"wrong reply type": {Type: onion.HelloDirectory, Text: hello(func(*onion.ClientHello) {}).Text},
		"huge":             hello(func(h *onion.ClientHello) { h.Network = strings.Repeat("x", 10_000) }),
	} {
		inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
			w.directory(service(1))
			p := w.knock()
			p.say(m)
			if !p.closed() || w.c.Report().Direct != 0 {
				t.Errorf("%s: is a peer", name)
			}
		})
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
