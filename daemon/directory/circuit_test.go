package directory

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// on connects a bot by a circuit of Tor.
func (w *world) on(circuit int) *bot {
	b := w.connect()
	b.raw(fmt.Sprintf("PROXY TCP6 fc00:dead:beef:4dad::%x ::1 65535 42\r\n", circuit))
	return b
}

// TestN15PeersOfACircuit: one circuit has as many places as it may have, and gets
// them back.
func TestN15PeersOfACircuit(t *testing.T) {
	inWorld(t, Config{Circuits: true}, func(t *testing.T, w *world) {
		var all []*bot
		for range DefaultLimits.PerCircuit {
			b := w.on(7)
			b.hello(onion.ClientHello{Nick: protocol.RandomNick()})
			if !b.accepted() {
				t.Fatal("not accepted")
			}
			all = append(all, b)
		}
		if b := w.on(7); !b.ended() {
			t.Error("one more is let in")
		}
		other := w.on(8)
		other.hello(onion.ClientHello{Nick: protocol.RandomNick()})
		if !other.accepted() {
			t.Error("another circuit is not let in")
		}
		all[0].nc.Close()
		synctest.Wait()
		again := w.on(7)
		again.hello(onion.ClientHello{Nick: protocol.RandomNick()})
		if !again.accepted() {
			t.Error("a place that is free again is not given")
		}
		w.counted(refusedCircuit, 1)
		if b := w.connect(); true {
			b.hello(onion.ClientHello{Nick: alice})
			if !b.ended() || len(b.take()) != 0 {
				t.Error("a connection without a circuit is let in")
			}
		}
		w.counted(refusedHeader, 1)
	})
}

// TestN15FullDirectory: circuits that hold all places with several connections each
// do not keep others out, whose peers then stay.
func TestN15FullDirectory(t *testing.T) {
	inWorld(t, Config{Circuits: true, Limits: Limits{Peers: 40, PerCircuit: 8}}, func(t *testing.T, w *world) {
		meet := func(circuit int) *bot {
			b := w.on(circuit)
			b.hello(onion.ClientHello{Nick: protocol.RandomNick()})
			return b
		}
		for circuit := range 5 {
			for range 8 {
				if !meet(circuit).accepted() {
					t.Fatal("not accepted")
				}
			}
		}
		var honest []*bot
		for circuit := range 35 {
			b := meet(100 + circuit)
			if !b.accepted() {
				t.Fatalf("the peer of circuit %d is kept out", circuit)
			}
			honest = append(honest, b)
		}
		if b := meet(200); !b.ended() || b.accepted() {
			t.Error("one is let in where all circuits have one place")
		}
		if b := meet(0); !b.ended() || b.accepted() {
			t.Error("a second connection is let in")
		}
		for i, b := range honest {
			if b.ended() {
				t.Errorf("the honest peer %d has lost its place", i)
			}
		}
		w.counted(closedCrowd, 35)
		w.counted(refusedFull, 2)
		if n := w.registry.len(); n != 40 || w.door.evicted != 0 {
			t.Errorf("%d peers, %d that are ending", n, w.door.evicted)
		}
	})
}

// TestN13CircuitsShareABudget: many nicks on one circuit say no more than one.
func TestN13CircuitsShareABudget(t *testing.T) {
	inWorld(t, Config{Circuits: true}, func(t *testing.T, w *world) {
		listener := w.on(1)
		listener.hello(onion.ClientHello{Nick: alice})
		listener.take()
		for range DefaultLimits.PerCircuit {
			b := w.on(2)
			b.hello(onion.ClientHello{Nick: protocol.RandomNick()})
			for n := range 20 {
				b.public(fmt.Sprintf("!sw0reloffer %d", n))
			}
		}
		time.Sleep(10 * time.Second)
		if got := len(listener.take()); got != DefaultLimits.Public.Burst {
			t.Errorf("%d lines came through", got)
		}
		w.counted(dropPublic, uint64(20*DefaultLimits.PerCircuit-DefaultLimits.Public.Burst))
	})
}
