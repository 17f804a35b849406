package directory

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestN3SlowSender: a line that has begun must be there within its time; others
// may be silent as long as they like.
func TestN3SlowSender(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		drip, silent, late := w.join(onion.ClientHello{}), w.join(onion.ClientHello{}), w.join(onion.ClientHello{Nick: alice})
		late.raw(`{"type": 798, `)
		for range int(lineWait/time.Second) - 1 {
			drip.raw(" ")
			time.Sleep(time.Second)
		}
		late.raw(`"line": ""}` + "\r\n")
		late.hears("799 ")
		if drip.ended() {
			t.Error("ended before its time")
		}
		time.Sleep(2 * time.Second)
		if !drip.ended() || silent.ended() || late.ended() {
			t.Errorf("the slow one has ended: %v, the silent one: %v, the one in time: %v", drip.ended(), silent.ended(), late.ended())
		}
		time.Sleep(time.Hour)
		late.say(onion.Ping, "")
		late.hears("799 ")
		w.counted(closedDrip, 1)
	})
}

// TestN3LongLinesAreBounded: of all that is on its way at a time, so much is held;
// whose line began first makes room.
func TestN3LongLinesAreBounded(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w.longs.most = 1 << 20
		var all []*bot
		for range 64 {
			b := w.join(onion.ClientHello{})
			b.raw(`{"line": "` + strings.Repeat("x", 20_000))
			all = append(all, b)
		}
		synctest.Wait()
		if w.longs.used > w.longs.most {
			t.Errorf("%d bytes of %d", w.longs.used, w.longs.most)
		}
		ended := 0
		for i, b := range all {
			if b.ended() {
				if ended++; i >= 40 {
					t.Errorf("the line that began as number %d is given up", i)
				}
			}
		}
		if ended == 0 || ended > 40 {
			t.Errorf("%d are given up", ended)
		}
		w.counted(closedMemory, uint64(ended))
		honest, to := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		honest.private(bob, "!tx "+strings.Repeat("x", 30_000))
		if got := to.take(); len(got) != 1 {
			t.Error("an honest long line does not come through")
		}
	})
}

// TestN3PeerThatDoesNotRead is closed when a write has lasted for too long; until
// then no more waits for it than may, and others are served.
func TestN3PeerThatDoesNotRead(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		deaf := w.join(onion.ClientHello{})
		deaf.deaf.Store(true)
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		for range 100 {
			a.private(deaf.nick, "!tx "+strings.Repeat("x", 30_000))
			time.Sleep(100 * time.Millisecond)
		}
		if n := w.depot.Used(); n > 1<<20 {
			t.Errorf("%d bytes wait", n)
		}
		a.private(bob, "!fill 0")
		b.hears("685 " + string(alice) + "!" + string(bob) + "!fill 0")
		time.Sleep(stallWait + 2*lookEvery)
		if w.registry.find(deaf.nick) != nil {
			t.Error("it is still a peer")
		}
		if w.counts.get(dropFull) == 0 {
			t.Error("nothing is dropped")
		}
		w.counted(closedSlow, 1)
	})
}

// TestStrangers: a flood of private lines from peers that somebody has not written
// to is bounded, and does not touch those it has written to.
func TestStrangers(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, taker := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		maker.private(bob, "!sw0reloffer 0")
		var flood []*bot
		for range 40 {
			flood = append(flood, w.join(onion.ClientHello{}))
		}
		for range 100 {
			for _, b := range flood {
				b.private(alice, "!fill 0")
			}
		}
		maker.take()
		if n := int(w.counts.get(dropUnasked)); n < 100*len(flood)-DefaultLimits.Strangers.Burst-100 {
			t.Errorf("only %d of %d are dropped", n, 100*len(flood))
		}
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			taker.private(alice, "!fill 0")
			if got := maker.take(); len(got) != 1 {
				t.Fatal("a line of a known peer is dropped")
			}
		}
		// Who asks for the order book is answered by everybody.
		maker.public("!orderbook")
		time.Sleep(time.Second)
		maker.take()
		for _, b := range flood {
			b.private(alice, "!sw0reloffer 0")
		}
		if got := maker.take(); len(got) != len(flood) {
			t.Errorf("%d answers of %d", len(got), len(flood))
		}
	})
}

// TestN20Silence: peers that answer pings are asked when they are silent, and end
// when they do not answer; those that do not know pings, even if they know lists,
// are never asked, and stay.
func TestN20Silence(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		old := w.join(onion.ClientHello{Nick: alice, Features: onion.Features{onion.FeaturePeerList}})
		mute := w.join(onion.ClientHello{Nick: bob, Features: modern})
		good := w.join(onion.ClientHello{Nick: carol, Features: modern})
		answer := func() {
			for _, m := range good.take() {
				if m.Type == onion.Ping {
					good.say(onion.Pong, "")
				}
			}
		}
		for range 10 {
			time.Sleep(time.Minute)
			answer()
		}
		if old.ended() || mute.ended() || good.ended() {
			t.Error("a peer is closed that answers, or never answered")
		}
		old.hears()
		if got := mute.take(); len(got) < 5 || got[0].Type != onion.Ping {
			t.Errorf("asked %v", got)
		}
		time.Sleep(pongWait + pingEvery)
		if !good.ended() || mute.ended() || old.ended() {
			t.Error("the one that does not answer any more is not closed, or another is")
		}
		w.counted(closedSilent, 1)
	})
}

// TestN20FalseNotices: what a peer says of others' leaving changes nothing.
func TestN20FalseNotices(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		for _, n := range []onion.Type{onion.PeerList, 801, 799} {
			b.say(n, string(alice)+";NOT-SERVING-ONION;D")
		}
		for _, n := range []string{"785", "787", "797"} {
			b.raw(`{"type": ` + n + `, "line": "` + string(alice) + `;NOT-SERVING-ONION"}` + "\r\n")
		}
		a.hears()
		b.private(alice, "!fill 0")
		a.hears("685 " + string(bob) + "!" + string(alice) + "!fill 0")
		if a.ended() || w.registry.find(protocol.Nick(alice)) == nil {
			t.Error("gone")
		}
	})
}

// TestN12SpreadStop: a directory that is told to end ends its connections over
// the time it has, in another order each time, and lets nobody in.
func TestN12SpreadStop(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		var all []*bot
		for range 100 {
			all = append(all, w.join(onion.ClientHello{}))
			all[len(all)-1].public("!sw0reloffer 0")
		}
		time.Sleep(time.Minute)
		for _, b := range all {
			b.take()
		}
		parked := w.connect()
		parked.hello(onion.ClientHello{Nick: all[0].nick})
		stopped := make(chan struct{})
		go func() {
			w.Stop(t.Context(), 10*time.Second)
			close(stopped)
		}()
		var first []int
		for second := range 10 {
			time.Sleep(time.Second)
			ended := 0
			for i, b := range all {
				if b.ended() {
					ended++
					if second == 4 {
						first = append(first, i)
					}
				}
			}
			if want := 10 * (second + 1); ended < want-3 || ended > want+3 {
				t.Errorf("%d have ended after %d s", ended, second+1)
			}
		}
		if len(first) > 0 && first[len(first)-1]-first[0] < 60 {
			t.Errorf("in order: %v", first)
		}
		<-stopped
		for _, b := range all {
			b.hears() // of nobody's leaving: it leaves too
		}
		if late := w.connect(); !late.ended() {
			t.Error("somebody is let in")
		}
		w.stopped = true
	})
}

// TestFloodedPeerStays: a peer that others send more than its way can carry loses
// lines, but not its place; one that hardly reads does.
func TestFloodedPeerStays(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration // between reads of up to 16 KiB
		stays bool
	}{"reads": {time.Second, true}, "hardly reads": {20 * time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				victim := w.join(onion.ClientHello{Nick: bob})
				victim.pause.Store(int64(c.pause))
				for range 4 {
					b := w.join(onion.ClientHello{})
					go func() {
						for range 3000 {
							b.private(bob, "!tx "+strings.Repeat("x", 4000))
						}
					}()
				}
				time.Sleep(3 * time.Minute)
				if stays := w.registry.find(bob) != nil; stays != c.stays {
					t.Errorf("it is still a peer: %v", stays)
				}
				if w.counts.get(dropFull) == 0 {
					t.Error("nothing is dropped")
				}
				victim.pause.Store(0)
				time.Sleep(c.pause)
			})
		})
	}
}
