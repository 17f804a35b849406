package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// room returns what a nick said to the room, from a line on.
func (w *world) room(n protocol.Nick, from int) (texts []string) {
	synctest.Wait()
	for _, l := range w.pit().Lines()[from:] {
		if l.From == n && l.To == "" {
			texts = append(texts, l.Text)
		}
	}
	return texts
}

func (c *client) announce(offers ...protocol.Offer) {
	c.t.Helper()
	c.do(control.MethodAnnounce, control.AnnounceRequest{Offers: offers}, nil)
}

func TestAnnounce(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob, offer(0), offer(1))
		changed := offer(1)
		changed.MaxSize--
		maker.announce(offer(0), changed) // one changed
		maker.announce(offer(0), changed) // none
		maker.announce(changed, offer(2)) // one gone, one new
		maker.announce()                  // all gone
		maker.announce(offer(5))
		want := []string{
			"!sw0reloffer 0 100000 5000000 0 0.00002!sw0reloffer 1 100000 5000000 0 0.00002",
			"!sw0reloffer 1 100000 4999999 0 0.00002",
			"!cancel 0",
			"!sw0reloffer 2 100000 5000000 0 0.00002",
			"!cancel 1!cancel 2",
			"!sw0reloffer 5 100000 5000000 0 0.00002",
		}
		if got := w.room(bob, 0); !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}

func TestAnnounceBeforeReady(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w.pit().Break()
		c := w.connect(bob)
		c.start(control.RoleMaker)
		c.announce(offer(0))
		if got := w.room(bob, 0); got != nil {
			t.Errorf("said %q", got)
		}
		w.pit().Mend()
		expect[control.ReadyEvent](c)
		if got := w.room(bob, 0); len(got) != 1 {
			t.Errorf("said %q", got)
		}
		c.quiet()
	})
}

func TestRepublishAfterReconnect(t *testing.T) {
	for range 5 {
		inWorld(t, Config{}, func(t *testing.T, w *world) {
			maker := w.maker(bob)
			w.pit().Break()
			synctest.Wait()
			maker.announce(offer(0), offer(1)) // cannot be published now
			time.Sleep(time.Minute)
			for range 3 { // a channel that flaps makes one announcement
				w.pit().Break()
				synctest.Wait()
				w.pit().Mend()
				synctest.Wait()
			}
			before := len(w.pit().Lines())
			time.Sleep(republishLeast - time.Millisecond)
			if got := w.room(bob, before); got != nil {
				t.Errorf("at once: %q", got)
			}
			time.Sleep(republishMost - republishLeast + time.Millisecond)
			if got := w.room(bob, before); len(got) != 1 || strings.Count(got[0], "!") != 2 {
				t.Errorf("after half a minute: %q", got)
			}
			time.Sleep(time.Hour)
			if got := w.room(bob, before); len(got) != 1 {
				t.Errorf("after an hour: %q", got)
			}
		})
	}
}

func TestAnswerToOrderbook(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		maker := w.enter(control.RoleMaker, bob)
		taker := w.puppet(alice)
		taker.public("!orderbook")
		if n := taker.answers(bob, "sw0reloffer"); n != 0 {
			t.Error("an answer without offers")
		}
		maker.announce(offer(0), offer(3))
		time.Sleep(20 * time.Second)
		before := len(w.pits["other"].Lines())
		taker.public("!!orderbook")
		taker.public("!orderbook")
		got := w.said(bob, alice, "sw0reloffer")
		if len(got) != 1 || !strings.HasPrefix(got[0], "0 100000 5000000 0 0.00002!sw0reloffer 3 100000 5000000 0 0.00002 "+fakeKey(bob)) {
			t.Errorf("answers %q", got)
		}
		if n := len(w.pits["other"].Lines()); n != before {
			t.Errorf("%d lines on a channel where nobody asked", n-before)
		}
		time.Sleep(10 * time.Second)
		taker.public("!orderbook")
		taker.public("!orderbook!orderbook")
		if n := taker.answers(bob, "sw0reloffer"); n != 2 {
			t.Errorf("%d answers after another ten seconds, want 2", n)
		}
		before = len(w.pit().Lines())
		for i := range 1000 {
			w.pit().Say(daemontest.Line{From: nick(i), Text: "!orderbook"})
		}
		synctest.Wait()
		if n := len(w.pit().Lines()) - before - 1000; n < 58 || n > 61 {
			t.Errorf("%d answers to a thousand nicks at once, want about 60", n)
		}
	})
}

func TestM2Hearsay(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w.maker(bob)
		value := func(n int) string { return commitment.Hex([32]byte{2, byte(n), byte(n >> 8)}) }

		// M2: what is published by others is stored, so many and no more.
		for i := range 1000 {
			w.pit().Say(daemontest.Line{From: mal, Text: "!hp2 " + value(1000+i)})
		}
		synctest.Wait()
		stored := 0
		for i := range 1000 {
			if v, _ := protocol.Commitment("P" + value(1000+i)).Bytes(); w.d.used.Known(v) {
				stored++
			}
		}
		if stored != 20 {
			t.Errorf("%d commitments of one nick stored at once, want 20", stored)
		}
		for i := range 1000 {
			w.pit().Say(daemontest.Line{From: nick(i), Text: "!hp2 " + value(3000+i)})
		}
		synctest.Wait()
		stored = 0
		for i := range 1000 {
			if v, _ := protocol.Commitment("P" + value(3000+i)).Bytes(); w.d.used.Known(v) {
				stored++
			}
		}
		if stored < 150 || stored > 200 {
			t.Errorf("%d commitments of all nicks stored at once, cap 200", stored)
		}
	})
}

// TestM3BurnedCommitment: a commitment that somebody publishes while it is being
// used still opens the conversation it was reserved for, and no other.
func TestM3BurnedCommitment(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		w.puppet(mal).public("!hp2 " + commitment.Hex([32]byte{1}))
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker)
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
		if taker.answers(bob, protocol.CmdIOAuth) != 1 {
			t.Error("no ioauth")
		}
	})
}

// TestTransfer: a used commitment is handed to some other maker, never to the
// taker, who might offer something too.
func TestTransfer(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice).offers()
		w.puppet(carol).offers()
		w.puppet(mal).offers()
		asked := map[protocol.Nick]bool{}
		for i := range 30 {
			before := len(w.pit().Lines())
			taker.begin(bob, i)
			taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
			e := expect[control.AuthEvent](maker)
			maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
			synctest.Wait()
			n := 0
			for _, l := range w.pit().Lines()[before:] {
				if strings.HasPrefix(l.Text, "!hp2 01") {
					n++
					asked[l.To] = true
				}
			}
			if n != 1 {
				t.Fatalf("handed on %d times", n)
			}
			maker.do(control.MethodRefuse, control.RefuseRequest{Conversation: e.Conversation, Reason: protocol.ReasonBadCommitment}, nil)
			expect[control.EndedEvent](maker)
			time.Sleep(2 * time.Minute)
		}
		if len(asked) != 2 || !asked[carol] || !asked[mal] {
			t.Errorf("asked %v", asked)
		}
	})
}
