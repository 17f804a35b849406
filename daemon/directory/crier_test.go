package directory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestN1OrderbookFlood: three thousand requests a second of 300 nicks do not
// reach the makers faster than they may, and that of an honest taker who was there
// before, which comes in the middle of it, is the next; private lines are not kept
// waiting.
func TestN1OrderbookFlood(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.join(onion.ClientHello{Nick: alice})
		var takers []*bot
		for range 5 {
			takers = append(takers, w.join(onion.ClientHello{}))
		}
		time.Sleep(time.Second)
		var flood []*bot
		for range 300 {
			flood = append(flood, w.join(onion.ClientHello{}))
		}
		time.Sleep(time.Minute)
		maker.take()
		began, requests := time.Now(), 0
		for second := range 5 {
			for range 10 {
				for _, b := range flood {
					b.public("!orderbook")
				}
				time.Sleep(100 * time.Millisecond)
			}
			if second < 2 {
				maker.take()
				continue
			}
			at, taker := time.Now(), takers[second]
			taker.public("!orderbook")
			taker.private(alice, "!fill 0")
			for {
				private, public := false, false
				for _, m := range maker.take() {
					private = private || m.Type == onion.Private
					if m.Type == onion.Public {
						requests++
						public = public || strings.HasPrefix(m.Text, string(taker.nick))
					}
				}
				if second == 2 && !private && time.Since(at) == 0 {
					t.Error("a private line waits")
				}
				if public {
					break
				}
				if time.Since(at) > time.Second {
					t.Fatal("the honest request waits")
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		most := DefaultLimits.Requests.Burst + int(time.Since(began)/DefaultLimits.Requests.Every)
		if requests > most {
			t.Errorf("%d requests were passed on, of at most %d", requests, most)
		}
		if n := w.crier.waiting(); n > 2*len(flood)+len(takers) {
			t.Errorf("%d requests wait, of %d nicks", n, len(flood))
		}
	})
}

// TestN1OffersPass: a flood of requests does not keep offers waiting.
func TestN1OffersPass(t *testing.T) {
	limits := Limits{}
	limits.Requests.Every, limits.Requests.Burst = time.Minute, 1
	inWorld(t, Config{Limits: limits}, func(t *testing.T, w *world) {
		maker, taker := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		for i := range 100 {
			w.join(onion.ClientHello{}).public([]string{"!orderbook", "!!orderbook", "!x!orderbook"}[i%3])
		}
		time.Sleep(time.Second)
		taker.take()
		maker.public("!sw0reloffer 0 1 2 3 0.1")
		time.Sleep(time.Second)
		taker.hears("687 " + string(alice) + "!PUBLIC!sw0reloffer 0 1 2 3 0.1")
		w.counted(inRequest, 100)
	})
}

// TestBatches: what comes while the crier is quiet is told together, and nobody
// hears itself.
func TestBatches(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		var all []*bot
		for range 10 {
			all = append(all, w.join(onion.ClientHello{}))
		}
		var want []string
		for round := range 5 {
			for i, b := range all {
				body := fmt.Sprintf("!sw0reloffer %d", round)
				b.public(body)
				want = append(want, fmt.Sprintf("%d:%s!PUBLIC%s", i, b.nick, body))
			}
		}
		time.Sleep(time.Second)
		slices.Sort(want)
		for i, b := range all {
			var got []string
			for _, m := range b.take() {
				from := slices.IndexFunc(all, func(b *bot) bool { return strings.HasPrefix(m.Text, string(b.nick)) })
				got = append(got, fmt.Sprintf("%d:%s", from, m.Text))
			}
			slices.Sort(got)
			if others := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return strings.HasPrefix(s, fmt.Sprint(i, ":")) }); !slices.Equal(got, others) {
				t.Errorf("peer %d heard %d lines, want %d", i, len(got), len(others))
			}
		}
	})
}

// TestBroadcastCost: lines for all are paced by what they cost.
func TestBroadcastCost(t *testing.T) {
	inWorld(t, Config{Limits: Limits{Broadcast: 10 << 10}}, func(t *testing.T, w *world) {
		a := w.join(onion.ClientHello{Nick: alice})
		for range 99 {
			w.join(onion.ClientHello{})
		}
		for n := range 20 { // of 1 KiB, so 100 KiB for all: 10 s of what may be spent
			a.public(fmt.Sprintf("!sw0reloffer %d %s", n, strings.Repeat("x", 960)))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		if n := w.counts.get(outPublic); n < 6 || n > 10 {
			t.Errorf("%d lines in %v", n, 80*time.Second)
		}
	})
}

// TestLongPublicLine is not for everybody.
func TestLongPublicLine(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		a.public("!" + strings.Repeat("x", maxPublic))
		a.private(bob, "!"+strings.Repeat("x", maxPublic))
		if got := b.take(); len(got) != 1 || got[0].Type != onion.Private {
			t.Errorf("%d lines", len(got))
		}
		w.counted(dropLong, 1)
	})
}

// TestN12ThousandLeave: others are told of those they have heard of, also of those
// that nobody could dial, a few hundred at a time; not of who is back.
func TestN12ThousandLeave(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w2 := w.join(onion.ClientHello{Nick: bob})
		var all []*bot
		want := map[string]bool{}
		for i := range 1000 {
			h := onion.ClientHello{Nick: protocol.RandomNick(), Features: modern}
			if i%2 == 0 {
				h.Location = onionOf(i)
			}
			b := w.join(h)
			b.public("!sw0reloffer 0")
			all = append(all, b)
			if i < 990 {
				want[string(h.Nick)+";"+string(locationOr(h.Location))+";D"] = true
			}
		}
		unheard := w.join(onion.ClientHello{})
		time.Sleep(10 * time.Minute)
		w2.take()
		for i, b := range all {
			if b.nc.Close(); i == 0 {
				synctest.Wait() // it is told of at once, the others a second later
			}
		}
		unheard.nc.Close()
		synctest.Wait()
		for _, b := range all[990:] {
			w.join(onion.ClientHello{Nick: b.nick})
		}
		time.Sleep(time.Minute)
		lines := w2.take()
		for _, m := range lines {
			entries := strings.Split(m.Text, ",")
			if m.Type != onion.PeerList || len(entries) > maxLeft {
				t.Fatalf("type %d, %d entries", m.Type, len(entries))
			}
			for _, e := range entries {
				if !want[e] {
					t.Errorf("told %s, which is not so, or twice", e)
				}
				delete(want, e)
			}
		}
		if len(want) != 0 || len(lines) > 10 {
			t.Errorf("%d are not told of, in %d lines", len(want), len(lines))
		}
	})
}

func locationOr(l onion.Location) onion.Location {
	if l == "" {
		return onion.NotServing
	}
	return l
}
