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
