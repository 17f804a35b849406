package maker

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// TestM22ShownAgain: a prober that takes no part sees the same coins each time,
// as far as they do, under whatever nick; others only while these are in use.
func TestM22ShownAgain(t *testing.T) {
	c := vectors.Load[authCase](t, "ioauth_maker.json", 45)[0]
	w := c.wallet(t)
	m, e := c.maker(t, w)
	m.cfg.AmountShare = 1 // the taker's coin does for all amounts
	d := &notes{}
	var unused int
	m.cfg.Notify = func(e Event) {
		if _, is := e.(Unused); is {
			unused++
		}
	}
	ask := func(conversation uint64, amount sats.Amount) []string {
		t.Helper()
		clear(m.accepted.set) // every opening counts as new
		e.Conversation, e.Amount = conversation, amount
		m.event(t.Context(), d, e)
		return last[control.IOAuthRequest](t, d).UTXOs
	}
	gone := func(conversation uint64) {
		m.event(t.Context(), d, control.EndedEvent{Conversation: conversation, Taker: e.Taker})
	}
	large := ask(1, 4_000_000) // the coin of 5,000,000
	gone(1)
	// 3,000,000 would be nearer, but it was not shown yet.
	if again := ask(2, 1_000_000); !slices.Equal(again, large) {
		t.Errorf("shown %v, then %v", large, again)
	}
	other := ask(3, 1_000_000)
	if slices.Equal(other, large) {
		t.Errorf("%v is shown twice at a time", other)
	}
	gone(2)
	gone(3)
	if again := ask(4, 1_000_000); !slices.Equal(again, other) {
		t.Errorf("%v is shown, want the least that does and was shown, %v", again, other)
	}
	gone(4)
	if both := ask(5, 7_000_000); len(both) != 2 {
		t.Errorf("more than any set shown so far is shown as %v", both)
	}
	if unused != 4 {
		t.Errorf("the user was told %d times that coins were not used, want 4", unused)
	}
}

// What is spent is forgotten, what is frozen is not shown, and there is a bound.
func TestM22Ledger(t *testing.T) {
	coin := func(n byte, value sats.Amount) coins.Coin {
		return coins.Coin{OutPoint: outPoint(n), Value: value, Height: 1}
	}
	a, b, c := coin(1, 10), coin(2, 20), coin(3, 30)
	var s shown
	s.add([]coins.Coin{c})
	s.add([]coins.Coin{a, b})
	s.add([]coins.Coin{b, a}) // the same
	s.add([]coins.Coin{b})
	all := []coins.Coin{a, b, c}
	if got := s.again(all, 20); len(got) != 3 || got[0][0].OutPoint != b.OutPoint || coins.Sum(got[1]) != 30 {
		t.Errorf("%+v", got)
	}
	if got := s.again(all, 31); got != nil {
		t.Errorf("%+v hold enough", got)
	}
	b.Frozen = true
	if got := s.again([]coins.Coin{a, b, c}, 20); len(got) != 1 || got[0][0].OutPoint != c.OutPoint {
		t.Errorf("with a frozen coin %+v", got)
	}
	if s.again([]coins.Coin{a, b}, 1); len(s.sets) != 2 {
		t.Errorf("%d sets are remembered after a coin was spent", len(s.sets))
	}
	for n := range 3 * maxShown {
		s.add([]coins.Coin{{OutPoint: wire.OutPoint{Index: uint32(n)}}})
	}
	if len(s.sets) != maxShown {
		t.Errorf("%d sets are remembered", len(s.sets))
	}
}
