package onion

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
