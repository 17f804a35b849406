package directory

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestConnectionsAreBounded: one that says nothing makes room for one that may;
// peers do not, and nobody else.
func TestConnectionsAreBounded(t *testing.T) {
	inWorld(t, Config{Limits: Limits{Peers: 10}}, func(t *testing.T, w *world) {
		for range 5 {
			w.join(onion.ClientHello{})
		}
		var silent []*bot
		for range 5 {
			silent = append(silent, w.connect())
			synctest.Wait()
		}
		if b := w.connect(); !b.ended() || silent[0].ended() {
			t.Error("one too many is let in, or in the place of one that has just come")
		}
		time.Sleep(patience)
		for i := range 5 {
			if w.join(onion.ClientHello{}); !silent[i].ended() {
				t.Errorf("the silent connection %d keeps its place", i)
			}
		}
		if b := w.connect(); !b.ended() || w.registry.len() != 10 {
			t.Error("a peer loses its place")
		}
		w.counted(refusedFull, 2)
		w.counted(refusedHello, 5)
	})
}

// TestLinesArePaced: lines that are too many wait in the network, and none is lost;
// others are read meanwhile.
func TestLinesArePaced(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		c := w.join(onion.ClientHello{Nick: carol})
		began := time.Now()
		for n := range 450 {
			a.private(bob, fmt.Sprintf("!tx %d", n))
		}
		if took := time.Since(began); took < 4*time.Second || took > 6*time.Second {
			t.Errorf("450 lines are read in %v", took)
		}
		at := time.Now()
		c.private(bob, "!fill 0")
		got := b.take()
		if len(got) < 440 || !strings.HasPrefix(got[len(got)-1].Text, string(carol)) || time.Since(at) != 0 {
			t.Errorf("%d lines", len(got))
		}
		time.Sleep(time.Minute)
		if n := len(got) + len(b.take()); n != 451 {
			t.Errorf("%d lines of 451", n)
		}
		if w.counts.get(slowed) < 200 {
			t.Errorf("%d are counted", w.counts.get(slowed))
		}
	})
}

// TestPublicQueueIsCounted: what is too much to wait is dropped.
func TestPublicQueueIsCounted(t *testing.T) {
	limits := Limits{}
	limits.Public.Every, limits.Public.Burst = time.Millisecond, 1000
	limits.Offers.Every, limits.Offers.Burst = time.Hour, 1
	inWorld(t, Config{Limits: limits}, func(t *testing.T, w *world) {
		a := w.join(onion.ClientHello{Nick: alice})
		for n := range publicEach + 10 {
			a.public(fmt.Sprintf("!sw0reloffer %d", n))
			time.Sleep(100 * time.Millisecond)
		}
		w.counted(dropQueue, 9) // one was passed on
	})
}
