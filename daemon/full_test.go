package daemon

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// counted checks how often a limit was reached.
func counted(t *testing.T, counts *count.Set, limit count.Cause, want uint64) {
	t.Helper()
	if got := counts.Get(limit); got != want {
		t.Errorf("%d counted as %s, want %d", got, limit, want)
	}
}

// TestRefusalsAreBounded: fills that cannot be taken are refused, so many and no
// more; the others are dropped without a word, and later ones are refused again.
func TestRefusalsAreBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		refused := func(from, to int) (n int) {
			for i := from; i < to; i++ {
				p := w.puppet(nick(i))
				p.say(bob, protocol.CmdFill, "7 500000 "+p.key.Public()+" "+string(testCommitment)) // no such offer
				n += p.answers(bob, protocol.CmdError)
			}
			return n
		}
		if n := refused(0, 100); n != 20 {
			t.Errorf("%d of 100 at once are refused, want 20", n)
		}
		counted(t, counts, count.LimitRefusals, 80)
		time.Sleep(50 * time.Second)
		if n := refused(100, 110); n != 5 {
			t.Errorf("%d of 10 after fifty seconds are refused, want 5", n)
		}
		counted(t, counts, count.LimitRefusals, 85)
		w.puppet(alice).begin(bob, 0) // who can be served is
		maker.quiet()
	})
}

// TestFillsAreCounted: fills beyond those of a nick, and beyond all conversations
// that a maker may have, are dropped and counted.
func TestFillsAreCounted(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts, Bounds: Bounds{Conversations: 5}}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		for i := range 12 {
			w.puppet(nick(i)).fill(bob, i)
		}
		if n := maker.status().Conversations; n != 5 {
			t.Errorf("%d conversations, cap 5", n)
		}
		counted(t, counts, count.LimitConversations, 7)
		eager := w.puppet(alice)
		for range 10 {
			eager.fill(bob, 100)
		}
		counted(t, counts, count.LimitFills, 7)
		counted(t, counts, count.LimitConversations, 10)
	})
}

// TestFullBookIsCounted: what a full order book does not take in is counted,
// whichever of its bounds it is.
func TestFullBookIsCounted(t *testing.T) {
	sign := func(n int, text string) func(w *world) {
		return func(w *world) { w.puppet(nick(n)).say(alice, protocol.Command(protocol.SW0RelOffer), text) }
	}
	const one = " 100000 5000000 0 0.00002"
	several := func(n int) string {
		groups := make([]string, n)
		for i := range groups {
			groups[i] = fmt.Sprint(i) + one
		}
		return strings.Join(groups, "!sw0reloffer ")
	}
	for name, c := range map[string]struct {
		bounds Bounds
		before []func(w *world)
		full   func(w *world)
	}{
		"nicks":            {Bounds{Nicks: 2}, []func(w *world){sign(1, "0"+one), sign(2, "0"+one)}, sign(3, "0"+one)},
		"offers":           {Bounds{Offers: 8}, []func(w *world){sign(1, several(4)), sign(2, several(4))}, sign(3, "0"+one)},
		"offers of a nick": {Bounds{}, []func(w *world){sign(1, several(protocol.MaxOffersPerNick))}, sign(1, fmt.Sprint(protocol.MaxOffersPerNick)+one)},
	} {
		t.Run(name, func(t *testing.T) {
			counts := new(count.Set)
			inWorld(t, Config{Counts: counts, Bounds: c.bounds}, func(t *testing.T, w *world) {
				taker := w.enter(control.RoleTaker, alice)
				for _, say := range c.before {
					say(w)
				}
				offers := taker.status().Offers
				counted(t, counts, count.LimitBook, 0)
				c.full(w)
				if n := taker.status().Offers; n != offers {
					t.Errorf("%d offers, then %d", offers, n)
				}
				counted(t, counts, count.LimitBook, 1)
			})
		})
	}
}

// TestAsksAreCounted: who asks for offers too often, or is one of too many, gets
// no answer.
func TestAsksAreCounted(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts, Bounds: Bounds{Answers: 20}}, func(t *testing.T, w *world) {
		w.maker(bob)
		taker := w.puppet(alice)
		for range 5 {
			taker.public("!orderbook")
		}
		counted(t, counts, count.LimitAsks, 4)
		answered := taker.answers(bob, protocol.Command(protocol.SW0RelOffer))
		for i := range 60 {
			p := w.puppet(nick(i))
			p.public("!orderbook")
			answered += p.answers(bob, protocol.Command(protocol.SW0RelOffer))
		}
		if answered != 10 { // half of a minute's at once
			t.Errorf("%d answers at once, want 10", answered)
		}
		counted(t, counts, count.LimitAsks, 4+51)
	})
}

// TestBondProofsAreBounded: takers that ask while too many wait for the proof of
// the bond get the offers alone, at once.
func TestBondProofsAreBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts, Bounds: Bounds{Answers: 6000}}, func(t *testing.T, w *world) {
		client, s := w.inside(bob)
		client.enter(control.RoleMaker)
		stuck := make(chan struct{})
		client.bond = func(control.BondRequest) (control.BondAnswer, error) {
			<-stuck
			return control.BondAnswer{}, errors.New("too late")
		}
		client.do(control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{offer(0)}, Bond: true}, nil)
		synctest.Wait()
		const askers = 2 * (maxBonds + maxBondsWaiting)
		served := 0
		for i := range askers {
			p := w.puppet(nick(i))
			p.public("!orderbook")
			served += p.answers(bob, protocol.Command(protocol.SW0RelOffer))
		}
		if n := len(s.role.(*maker).bonds.waiting); n != maxBondsWaiting {
			t.Errorf("%d wait, cap %d", n, maxBondsWaiting)
		}
		if served != askers/2 {
			t.Errorf("%d of %d got the offers at once, want %d", served, askers, askers/2)
		}
		counted(t, counts, count.LimitBonds, askers/2)
		close(stuck)
		synctest.Wait()
	})
}

// TestPushesOfOneNickAreCounted: of many transactions of a nick some are passed
// on, and the others counted.
func TestPushesOfOneNickAreCounted(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		for range 10 {
			taker.say(bob, protocol.CmdPush, line.Fields(line.Push{Tx: testTx}))
		}
		for range 3 {
			expect[control.PushEvent](maker)
		}
		maker.quiet()
		counted(t, counts, count.LimitPush, 7)
	})
}

// TestM2HearsayIsCounted: what is published beyond the bounds of one nick, and of
// all, is counted.
func TestM2HearsayIsCounted(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		w.maker(bob)
		one := w.puppet(mal)
		for i := range 100 {
			one.public(fmt.Sprintf("!hp2 %064x", 1000+i))
		}
		counted(t, counts, count.LimitHear, 80)
		counted(t, counts, count.CommitmentHeard, 20)
		for i := range 300 {
			w.puppet(nick(i)).public(fmt.Sprintf("!hp2 %064x", 2000+i))
		}
		counted(t, counts, count.CommitmentHeard, 200)
		counted(t, counts, count.LimitHear, 80+120)
	})
}

// TestVerdictBytesAreBounded: what waits for the verdicts of a client that gives
// none is bounded in bytes, for strangers and for nicks of open conversations.
func TestVerdictBytesAreBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		c, s := w.inside(bob)
		c.enter(control.RoleMaker)
		c.announce(offer(0))
		takers := make([]*puppet, 10)
		for i := range takers {
			takers[i] = w.puppet(nick(1000 + i))
			takers[i].begin(bob, i)
		}
		c.mute = make(chan struct{})
		long := strings.Repeat("A", protocol.MaxMessage-400)
		for i := range 200 {
			w.pit().Say(private(nick(i), bob, protocol.CmdPush, long, hostID))
			for _, p := range takers {
				w.pit().Say(private(p.nick, bob, protocol.CmdAuth, long[i:], hostID))
			}
		}
		synctest.Wait()
		for name, lane := range map[string]*lane{"strangers": &s.in.strangers, "known nicks": &s.in.known} {
			if lane.bytes > maxLaneBytes || lane.bytes < maxLaneBytes-2*len(long) {
				t.Errorf("%s: %d bytes wait, cap %d", name, lane.bytes, maxLaneBytes)
			}
		}
		if n := counts.Get(count.LimitVerdicts); n < 1000 {
			t.Errorf("%d of 2200 messages counted", n)
		}
		close(c.mute)
		synctest.Wait()
		if s.in.strangers.bytes+s.in.known.bytes != 0 {
			t.Errorf("%d and %d bytes are left", s.in.strangers.bytes, s.in.known.bytes)
		}
	})
}

// TestSignaturesAreBounded: what waits for the signatures of a client that gives
// none is bounded, for each nick and in all.
func TestSignaturesAreBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		c, s := w.inside(alice)
		c.enter(control.RoleTaker)
		stuck := make(chan struct{})
		c.signer = func(control.SignRequest) (control.SignAnswer, error) {
			<-stuck
			return control.SignAnswer{}, errors.New("too late")
		}
		push := func(to protocol.Nick, times int) {
			w.puppet(to).offers()
			for range times {
				c.do(control.MethodPush, control.PushRequest{Maker: to, Tx: testTx}, nil)
			}
		}
		push(bob, 2*maxToNick)
		if n := len(s.out.queues[bob].waiting); n != maxToNick {
			t.Errorf("%d messages to one nick wait, cap %d", n, maxToNick)
		}
		counted(t, counts, count.LimitSignatures, maxToNick-1) // one is being signed
		for i := range 2 * maxToSign / maxToNick {
			push(nick(i), maxToNick)
		}
		if s.out.count != maxToSign {
			t.Errorf("%d messages wait, cap %d", s.out.count, maxToSign)
		}
		if n := counts.Get(count.LimitSignatures); n < maxToSign/2 {
			t.Errorf("%d counted", n)
		}
		close(stuck)
		synctest.Wait()
	})
}

// TestHandedIsBounded: the commitments that are remembered as published for
// others are few.
func TestHandedIsBounded(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c, s := w.inside(bob)
		c.enter(control.RoleMaker)
		k := s.role.(*maker)
		for i := range 2*maxHanded + 5 {
			k.remember([32]byte{1, byte(i), byte(i >> 8), byte(i >> 16)})
			if len(k.handed) > maxHanded {
				t.Fatalf("%d remembered, cap %d", len(k.handed), maxHanded)
			}
		}
	})
}
