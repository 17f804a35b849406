package onion

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// TestDialsAreBounded: however many makers a taker fills, it dials so many at a
// time; the others it speaks to through a directory.
func TestDialsAreBounded(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		for i := range maxOutbound + 10 {
			nick := protocol.RandomNick()
			at := service(byte(100 + i))
			w.open(at)
			d.offers(nick, at)
			if err := w.c.SendPrivate(nick, "fill", "x key sig"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		w.mu.Lock()
		dialed := len(w.dialed) - 1
		w.mu.Unlock()
		if got := len(d.said()); dialed != maxOutbound || got != 10 {
			t.Errorf("%d are dialled, %d relayed", dialed, got)
		}
	})
}

// TestWaysAreBounded: what waits for one maker, and for how many nicks ways are
// kept.
func TestWaysAreBounded(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		w.open(at)
		d := w.directory(service(1))
		d.offers(alice, at)
		for i := range maxHeld + 1 {
			err := w.c.SendPrivate(alice, "fill", "x key sig")
			if want := i == maxHeld; errors.Is(err, channel.ErrFull) != want {
				t.Fatalf("letter %d: %v", i, err)
			}
		}
		for range maxWays + 10 {
			nick := protocol.RandomNick()
			w.c.mu.Lock()
			w.c.way(nick)
			n := len(w.c.ways)
			w.c.mu.Unlock()
			if n > maxWays {
				t.Fatalf("%d ways are kept", n)
			}
		}
		time.Sleep(wayLife + 2*sweepEvery)
		w.c.mu.Lock()
		defer w.c.mu.Unlock()
		if n := len(w.c.ways); n != 0 {
			t.Errorf("%d ways are kept for ever", n)
		}
	})
}

// TestFullOutbox: who does not read is not written to without end.
func TestFullOutbox(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, []string{service(1)}, func(t *testing.T, w *world) {
		d := w.directory(service(1))
		d.public(alice, "!orderbook")
		synctest.Wait()
		o := newOutbox(maxOutBytes)
		w.c.mu.Lock()
		w.c.directories[0].link.out = o // that nobody empties
		w.c.mu.Unlock()
		sent := 0
		for sent*39_000 <= 2*maxOutBytes {
			if err := w.c.SendPrivate(alice, "tx", strings.Repeat("x", 39_000)); errors.Is(err, channel.ErrFull) {
				break
			}
			sent++
		}
		if sent != maxOutBytes/39_100 {
			t.Errorf("%d letters wait", sent)
		}
		found := false
		for cause, n := range counts.All() {
			found = found || cause == count.DropFull && n == 1
		}
		if !found {
			t.Error("not counted")
		}
	})
}

// TestRepeatsAreBounded: a flood of lines takes no more memory, and does not hide
// repetitions of those since.
func TestRepeatsAreBounded(t *testing.T) {
	var r repeats
	now := time.Now()
	for i := range 5 * maxRepeats {
		if r.again("a", fmt.Sprint(i), now) {
			t.Fatalf("line %d is taken for another", i)
		}
		if i%1000 == 7 && !r.again("a", fmt.Sprint(i), now) {
			t.Fatalf("line %d is not known again", i)
		}
	}
	if n := len(r.now) + len(r.old); n > 2*maxRepeats {
		t.Errorf("%d lines are remembered", n)
	}
}
