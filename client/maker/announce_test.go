package maker

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestM26ReannounceLater: offers follow the wallet after a random wait, and not
// at all when the wallet is by then as before.
func TestM26ReannounceLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, w, _ := firstCase(t)
		d := &notes{}
		m.published = nil
		see := func() {
			t.Helper()
			if err := m.look(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		see()
		if offers := last[[]protocol.Offer](t, d); offers[0].MaxSize != 19_000_000 {
			t.Fatalf("at first %+v", offers)
		}
		rich := w.coins
		w.coins = w.coins[:3] // the best 9,000,000
		see()
		due := m.due
		see()
		if due == nil || m.due != due || len(d.told) != 1 {
			t.Fatalf("a change is told at once: %+v", d.told)
		}
		w.coins = rich
		if see(); m.due != nil {
			t.Error("a change that was taken back is told")
		}
		w.coins = rich[:3]
		began := time.Now()
		see()
		<-m.due
		if err := m.redraw(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if offers := last[[]protocol.Offer](t, d); offers[0].MaxSize != 8_900_000 {
			t.Errorf("later %+v", offers)
		}
		if waited := time.Since(began); waited > 3*DefaultReannounce {
			t.Errorf("told after %v", waited)
		}
		w.coins = nil
		see()
		<-m.due
		m.redraw(t.Context(), d)
		if offers := last[[]protocol.Offer](t, d); len(offers) != 0 {
			t.Errorf("without coins %+v", offers)
		}
	})
}

// TestP4DelayLaw: the wait has the mean that it should and no memory.
func TestP4DelayLaw(t *testing.T) {
	const n = 20_000
	sum, longer, much := time.Duration(0), 0, 0
	for range n {
		d := Delay(time.Minute)
		if d < 0 || d > 3*time.Minute {
			t.Fatalf("%v", d)
		}
		sum += d
		if d > 30*time.Second {
			longer++
		}
		if d > 60*time.Second {
			much++
		}
	}
	// E[min(X, 3)] = 1 - e^-3; P(X > 1 | X > 1/2) = P(X > 1/2) = e^-1/2.
	if mean := (sum / n).Seconds(); mean < 0.92*57.01 || mean > 1.08*57.01 {
		t.Errorf("%.1f s in the mean, want 57", mean)
	}
	if p, q := float64(longer)/n, float64(much)/float64(longer); p < 0.58 || p > 0.63 || q < 0.58 || q > 0.63 {
		t.Errorf("%.3f wait longer than half the mean, %.3f of these once more as long; want 0.607", p, q)
	}
}

// TestM12ReplacedOffer: a taker that saw the offer before the last one is held
// to what it saw, for a while; we sign for the least that we ever asked then.
func TestM12ReplacedOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _, e := firstCase(t)
		dear := m.published[0]
		dear.CJFee, dear.MinSize = "0.5", e.Amount+1
		old := m.published[0]
		m.former = []former{{old, time.Now().Add(formerLife)}}
		m.published = []protocol.Offer{dear}
		a, err := m.agree(e)
		if err != nil || a.Offer != old {
			t.Errorf("%+v, %v, want the offer that the taker saw", a.Offer, err)
		}
		m.published[0].MinSize = old.MinSize
		if a, err := m.agree(e); err != nil || a.Offer != old {
			t.Errorf("%+v, %v, want the cheaper one", a.Offer, err)
		}
		time.Sleep(formerLife + time.Second)
		if a, err := m.agree(e); err != nil || a.Offer.CJFee != "0.5" {
			t.Errorf("%+v, %v, want the one in force", a.Offer, err)
		}
		m.published[0].MinSize = e.Amount + 1
		if _, err := m.agree(e); reasonOf(err) != protocol.ReasonAmountRange {
			t.Errorf("%v", err)
		}
		e.OfferID = 99
		if _, err := m.agree(e); reasonOf(err) != protocol.ReasonUnknownOffer {
			t.Errorf("%v", err)
		}
	})
}

// The privacy-enhanced generator takes coins behind the largest gap.
func TestEnhancedMixdepth(t *testing.T) {
	m, w, e := firstCase(t)
	m.cfg.Terms = usual(protocol.SW0AbsOffer)
	able := []int{}
	balances, err := m.balances()
	if err != nil {
		t.Fatal(err)
	}
	for mixdepth, b := range balances {
		if b > e.Amount+100_000 {
			able = append(able, mixdepth)
		}
	}
	if !slices.Equal(able, []int{0, 1, 4}) {
		t.Fatalf("the case has coins in %v", able)
	}
	d := &notes{}
	m.event(t.Context(), d, e)
	shown := last[control.IOAuthRequest](t, d)
	for _, c := range w.coins {
		if c.OutPoint.String() == shown.UTXOs[0] && c.Mixdepth != 4 { // gaps 1, 1, 3
			t.Errorf("coins of mixdepth %d", c.Mixdepth)
		}
	}
}
