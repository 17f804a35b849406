package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// others are makers with relative fees, in 10^-5, and sizes.
func others(fees ...int) (book []control.OfferEntry) {
	for i, fee := range fees {
		nick := protocol.Nick(fmt.Sprintf("J5other%09d", i))
		book = append(book,
			control.OfferEntry{Nick: nick, Offer: protocol.Offer{Type: protocol.SW0RelOffer, CJFee: fmt.Sprintf("0.%05d", fee), MaxSize: sats.Amount(1000 * (i + 1))}},
			// A dearer one of the same maker does not count.
			control.OfferEntry{Nick: nick, Offer: protocol.Offer{Type: protocol.SW0RelOffer, ID: 1, CJFee: "0.9", MaxSize: 1}},
			// Nor do those of other coins.
			control.OfferEntry{Nick: nick, Offer: protocol.Offer{Type: protocol.SWRelOffer, ID: 2, CJFee: "0.00001", MaxSize: 1}})
	}
	return book
}

func TestCompare(t *testing.T) {
	book := others(5, 1, 2, 3, 4)
	mine := func(fee string, size sats.Amount) []protocol.Offer {
		return []protocol.Offer{{Type: protocol.SW0RelOffer, CJFee: fee, MaxSize: size}}
	}
	c := compare(book, mine("0.00003", 2500))
	want := comparison{Type: protocol.SW0RelOffer, Makers: 5, Quarter: "0.00002", Median: "0.00003", Most: "0.00004", MaxSize: 3000,
		Mine: "0.00003", Cheaper: 2, SizeMine: 2500, Larger: 3}
	if len(c) != 1 || c[0] != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if text := c[0].text(); strings.Contains(text, "suggestion") {
		t.Errorf("in the middle, but %s", text)
	}
	for fee, want := range map[string]string{"0.1": "cjfee_r = 0.00003", "0.000001": "cjfee_r = 0.00003"} {
		if text := compare(book, mine(fee, 9000))[0].text(); !strings.Contains(text, want) {
			t.Errorf("fee %s: %s", fee, text)
		}
	}
	if text := compare(book, mine("0.00003", 10))[0].text(); !strings.Contains(text, "larger amounts") {
		t.Errorf("%s", text)
	}
	if c := compare(book, nil); c[0].Mine != "" || strings.Contains(c[0].text(), "yours") {
		t.Errorf("%+v", c)
	}
	if c := compare(nil, mine("0.1", 1)); len(c) != 0 {
		t.Errorf("alone: %+v", c)
	}
}

// A maker is reached where it answers; a person sees why one was refused.
func TestMakerStatusText(t *testing.T) {
	const nick protocol.Nick = "J5mine0000000000"
	s := sight{Channel: "irc"}
	book := control.OrderbookAnswer{Offers: append(others(1), control.OfferEntry{Nick: nick}), Bonds: []control.BondEntry{{Nick: nick}}}
	if s.look(book, nick); !s.Seen || !s.Bond || s.Makers != 2 {
		t.Errorf("%+v", s)
	}
	if s.look(book, ""); s.Seen || s.Bond {
		t.Errorf("without a nick: %+v", s)
	}
	r := makerReport{Running: true, makerLife: makerLife{
		Since: 1_800_000_000, Nick: nick, Shown: 3, Unused: 1, Earned: 250,
		Offers:   []protocol.Offer{{Type: protocol.SW0RelOffer, CJFee: "0.00002", MinSize: 100_000, MaxSize: 9_000_000}},
		Requests: []takerRequest{{Time: 1_800_000_100, Taker: "J5taker111111111", Amount: 5, Outcome: "refused", Reason: protocol.ReasonBadTx}},
	}, Market: []sight{{Channel: "one", Makers: 4, Seen: true}, {Channel: "two", Makers: 3}, {Channel: "three", Error: "down\nfor good"}}}
	text := r.text()
	for _, want := range []string{"running since", string(nick), "sw0reloffer  0.00100000 to 0.09000000 BTC, fee 0.00002", "one        takers reach it, one of 4",
		"two        takers do NOT reach it; 3", "three      no answer: down\\nfor good", "shown 3 times (1 not used)", "refused (bad-tx)", "0.00000005 BTC"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for name, r := range map[string]makerReport{
		"No maker ran":  {},
		"NOT RUNNING s": {makerLife: makerLife{Since: 1, Ended: 2}},
		"was killed":    {makerLife: makerLife{Since: 1}},
		"NOT CONNECTED": {Running: true, makerLife: makerLife{Since: 1, Lost: "x"}},
	} {
		if text := r.text(); !strings.Contains(text, name) {
			t.Errorf("no %q in\n%s", name, text)
		}
	}
}
