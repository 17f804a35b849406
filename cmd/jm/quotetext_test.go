package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// TestT13CrowdIsTold: the user is told whom the makers are drawn from, and
// warned when they may all be one.
func TestT13CrowdIsTold(t *testing.T) {
	for _, c := range []struct {
		crowd taker.Crowd
		want  string
		warn  bool
	}{
		{taker.Crowd{Makers: 30, Bonded: 12, Chance: 0.00001}, "drawn from 30 makers, 12 of them with a fidelity bond; chance that one operator", false},
		{taker.Crowd{Makers: 30, Bonded: 12, Chance: 0.002}, "0.20 %", false},
		{taker.Crowd{Makers: 30, Bonded: 1, Chance: 0.25}, "25 %", true},
		{taker.Crowd{Makers: 30, Chance: 1}, "none has locked coins", true},
		{taker.Crowd{Makers: 3, Bonded: 3}, "3 of them with a fidelity bond\n", false},
	} {
		text := crowdText(c.crowd)
		if !strings.Contains(text, c.want) || strings.Contains(text, "NOTE") != c.warn {
			t.Errorf("%+v: %s", c.crowd, text)
		}
	}
}

// TestT12TriesAreTold: how many attempts are left stands in the quote, as do the
// greatest fees.
func TestT12TriesAreTold(t *testing.T) {
	text := quoteText(taker.Quote{Amount: 1_000_000, Makers: make([]taker.QuotedMaker, 4), Reserve: make([]taker.QuotedMaker, 7),
		CJFee: 2000, MaxCJFee: 5000, MinerFee: 800, MaxMinerFee: 1000, Tries: 2, NextTry: 905_000, Inputs: []coins.Coin{{Value: 2_000_000}}})
	for _, want := range []string{"tries: 2 left with these coins, this one included; more from block 905000 on",
		"up to 5 000 sat", "at most 6 000 sat in all, 0.60 %", "reserve: 7 more makers"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:%s", want, text)
		}
	}
}

// TestP3ChangeIsToldToBeKnown: the user reads before that the amounts give the
// change away, and afterwards whether they did; nothing of it when a sweep leaves
// none.
func TestP3ChangeIsToldToBeKnown(t *testing.T) {
	const before, after = "mostly tell that it is yours", "can be tied to the coins you spent by adding up amounts, as can that of 1 others"
	for _, change := range []sats.Amount{0, 500_000} {
		q := taker.Quote{Amount: 1_000_000, Change: change, Inputs: []coins.Coin{{Value: 2_000_000}}}
		if text := quoteText(q); strings.Contains(text, before) != (change > 0) {
			t.Errorf("change %d: %s", change, text)
		}
		parts := []taker.Part{{Inputs: []txbuild.Input{{Value: 1_000_600 + change}}, Change: txbuild.Output{Value: change}, TxFee: 100, CJFee: -500},
			{Nick: "J5a", Inputs: []txbuild.Input{{Value: 3_000_000}}, Change: txbuild.Output{Value: 2_000_500}, CJFee: 500}}
		r := newReport(taker.Payment{}, taker.Result{Amount: 1_000_000, Parts: parts}, nil)
		if text := r.facts(); strings.Contains(text, after) != (change > 0) || r.Traces.Told < 1 || r.Traces.Own != (change > 0) {
			t.Errorf("change %d: %+v %s", change, r.Traces, text)
		}
	}
}

// TestP9RoundAmount: that an amount is round stands in the quote, if the user
// chose it.
func TestP9RoundAmount(t *testing.T) {
	for _, c := range []struct {
		amount sats.Amount
		sweep  bool
		want   bool
	}{{25_000_000, false, true}, {100_000, false, true}, {25_000_100, false, false}, {1_234_567, false, false}, {25_000_000, true, false}} {
		text := quoteText(taker.Quote{Amount: c.amount, Sweep: c.sweep, Inputs: []coins.Coin{{Value: c.amount + 1000}}})
		if strings.Contains(text, "a round amount looks like a payment") != c.want {
			t.Errorf("%+v: %s", c, text)
		}
	}
}

// TestPickByHand: the user picks in a table; what is no row of it is asked for
// again.
func TestPickByHand(t *testing.T) {
	var talk bytes.Buffer
	term := &terminal{err: &talk, canAsk: true, lines: bufio.NewReader(strings.NewReader("7\nx\n-1\n 2\n"))}
	list := []taker.Candidate{{Nick: "J5a", Fee: 100, Bond: 2.5e16}, {Nick: "J5b", Fee: 200}, {Nick: "J5c", Fee: 300}}
	for i := range list {
		list[i].Offer = protocol.Offer{Type: protocol.SW0AbsOffer, CJFee: "100"}
	}
	a := &app{term: term}
	if i, err := a.pickMaker(list, 2); err != nil || i != 2 {
		t.Errorf("%d, %v", i, err)
	}
	if text := talk.String(); strings.Count(text, "Which maker?") != 4 || !strings.Contains(text, "2.5000000000000000") || strings.Count(text, "J5c") != 1 {
		t.Errorf("%s", text)
	}
	if _, err := a.pickMaker(list, 2); err == nil {
		t.Error("nobody answered, and a maker was picked")
	}
	if i, err := a.pickMaker(list[:1], 1); err != nil || i != 0 {
		t.Errorf("a list of one: %d, %v", i, err)
	}
}

// TestP11MakersAsTheReference: without -N as many makers are asked as the
// reference asks, 8 to 10, each number as often.
func TestP11MakersAsTheReference(t *testing.T) {
	a := &app{}
	a.cfg.Policy.MinimumMakers = 4
	counts := map[int]int{}
	const draws = 9000
	for range draws {
		p, err := a.payment(payOptions{}, "100000", "")
		if err != nil {
			t.Fatal(err)
		}
		counts[p.Makers]++
	}
	for n := 8; n <= 10; n++ {
		if counts[n] < draws/3-350 || counts[n] > draws/3+350 { // seven deviations
			t.Errorf("%d makers %d times of %d", n, counts[n], draws)
		}
	}
	if len(counts) != 3 {
		t.Errorf("%v", counts)
	}
}
