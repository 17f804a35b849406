package orderbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

const (
	alice protocol.Nick = "J5ENesYLEgVVH8Ls"
	bob   protocol.Nick = "J561YhaSF6trHuTS"
	own   protocol.Nick = "J5takerAAAAAAAAO"
)

// usual is the size of the tests' books.
var usual = Size{Nicks: 20_000, Offers: protocol.MaxOffers}

var chans = []string{"a", "b", "c"}

// nick makes a distinct nick of a number.
func nick(n int) protocol.Nick {
	digits := strings.ReplaceAll(fmt.Sprintf("%07d", n), "0", "z") // no zero in base58
	return protocol.Nick("J5m" + digits + "AAAAOO")
}

func public(n protocol.Nick, channel string) Source { return Source{Nick: n, Channel: channel} }
func signed(n protocol.Nick, channel string) Source { return Source{n, channel, true} }

// offer is the text of an offer that differs by its maxsize.
func offer(id int, maxsize int) string {
	return fmt.Sprintf("!sw0reloffer %d 27300 %d 0 0.0001", id, maxsize)
}

func hear(t testing.TB, b *Book, src Source, text string) {
	t.Helper()
	if _, err := b.Hear(src, text); err != nil {
		t.Fatalf("%+v %q: %v", src, text, err)
	}
}

// sizes lists the maxsizes of a nick's offers.
func sizes(b *Book, n protocol.Nick) (sizes []int) {
	for _, o := range b.Snapshot().Offers {
		if o.Nick == n {
			sizes = append(sizes, int(o.MaxSize))
		}
	}
	return sizes
}

func want(t *testing.T, b *Book, n protocol.Nick, maxsizes ...int) {
	t.Helper()
	if got := sizes(b, n); !slices.Equal(got, maxsizes) {
		t.Errorf("offers of %s: %v, want %v", n, got, maxsizes)
	}
}

type vectorOffer struct {
	Counterparty protocol.Nick
	OID          protocol.OfferID
	OrderType    protocol.OfferType
	MinSize      sats.Amount
	MaxSize      sats.Amount
	TxFee        sats.Amount
	CJFee        string
}

type vector struct {
	Messages []struct {
		From    protocol.Nick
		Text    string
		Private bool
	}
	Book  json.RawMessage // fields of a wrong type where the reference errs
	Bonds []struct {
		Counterparty protocol.Nick
		TakerNick    protocol.Nick
		Proof        string
	}
	Events           []struct{ Event string }
	Valid            bool
	ReferenceAccepts bool `json:"reference_accepts"`
	Should           string
	Reason, Note     string
}

// stricter names what the reference accepts without remark and we do not: a
// relative fee of the whole amount or more (attack M16).
var stricter = map[string]bool{
	"!sw0reloffer 0 27300 100000000 0 1": true,
	"!sw0reloffer 0 27300 100000000 0 2": true,
}

// TestReferenceBook compares the book with the reference's after each of its
// recorded lines, but for what it should have refused.
func TestReferenceBook(t *testing.T) {
	text, err := os.ReadFile("testdata/offers.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Cases []vector }
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 150 {
		t.Fatalf("%d cases, want all 153", len(vectors.Cases))
	}
	for i, c := range vectors.Cases {
		t.Run(fmt.Sprintf("%d %s%s", i, c.Reason, c.Note), func(t *testing.T) { c.run(t) })
	}
}

func (c vector) run(t *testing.T) {
	b := New(own, usual)
	var others []line.Message
	for _, m := range c.Messages {
		more, _ := b.Hear(Source{m.From, "a", m.Private}, m.Text)
		others = append(others, more...)
	}
	got := b.Snapshot()
	refuse := c.Should != "" && c.Should != "either" || stricter[c.Messages[0].Text]
	if refuse {
		if len(got.Offers) != 0 {
			t.Errorf("%q: accepted %+v", c.Messages[0].Text, got.Offers)
		}
		return
	}
	if c.Should == "either" && len(got.Offers) == 0 {
		return
	}
	var book []vectorOffer
	if err := json.Unmarshal(c.Book, &book); err != nil {
		t.Fatal(err)
	}
	if c.Should == "either" && c.Messages[len(c.Messages)-1].Text == "!cancel +0" {
		book = append(book, vectorOffer{alice, 0, "sw0reloffer", 27300, 100000000, 0, "0.1"}) // we refuse the cancel
	}
	slices.SortFunc(book, func(x, y vectorOffer) int { return strings.Compare(string(x.Counterparty), string(y.Counterparty)) })
	if !slices.EqualFunc(got.Offers, book, same) {
		t.Errorf("book %+v, the reference's %+v", got.Offers, book)
	}
	if len(got.Bonds) != len(c.Bonds) {
		t.Fatalf("bonds %+v, the reference's %+v", got.Bonds, c.Bonds)
	}
	for i, bond := range c.Bonds {
		if got.Bonds[i] != (control.BondEntry{Nick: bond.Counterparty, Taker: bond.TakerNick, Proof: bond.Proof}) {
			t.Errorf("bond %+v, the reference's %+v", got.Bonds[i], bond)
		}
	}
	c.compareEvents(t, others)
}

// same compares all but the spelling of the fee: of "1e-5" we keep the text.
func same(o control.OfferEntry, v vectorOffer) bool {
	theirs := protocol.Offer{Type: v.OrderType, ID: v.OID, MinSize: v.MinSize, MaxSize: v.MaxSize, TxFee: v.TxFee, CJFee: o.CJFee}
	ours, ok := new(big.Rat).SetString(o.CJFee)
	fee, ok2 := new(big.Rat).SetString(v.CJFee)
	return o.Nick == v.Counterparty && o.Offer == theirs && ok && ok2 && ours.Cmp(fee) == 0
}

// compareEvents checks that what is not the book's affair was handed on.
func (c vector) compareEvents(t *testing.T, others []line.Message) {
	t.Helper()
	if c.Messages[0].Text == "!orderbook x!orderbook" {
		return // a second request in one line is a flood, whatever follows its name
	}
	var want, got []string
	for _, e := range c.Events {
		switch e.Event {
		case "orderbook", "hp2":
			want = append(want, e.Event)
		case "private hp2":
			want = append(want, "hp2")
		}
	}
	for _, m := range others {
		if c.Messages[0].Private && m.Command() == protocol.CmdOrderbook {
			continue // dead in private; the session never hands it to the book
		}
		got = append(got, string(m.Command()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("handed on %v, the reference %v", got, want)
	}
}

func TestSignedWordCounts(t *testing.T) {
	b := New(own, usual)
	hear(t, b, public(alice, "a"), offer(0, 100_000))
	hear(t, b, signed(alice, "b"), offer(0, 200_000))
	want(t, b, alice, 200_000)
	if c, _ := b.Route(alice, chans); c != "b" {
		t.Errorf("spoken to on %q, want where it signed", c)
	}

	// Somebody of the same name on another network changes nothing.
	hear(t, b, public(alice, "a"), offer(0, 300_000))
	hear(t, b, public(alice, "a"), offer(1, 300_000))
	hear(t, b, public(alice, "a"), "!cancel 0")
	hear(t, b, public(alice, "a"), "!sw0reloffer 0 1 1 1 broken")
	want(t, b, alice, 200_000)
	if c, _ := b.Route(alice, chans); c != "b" {
		t.Errorf("a public line moved the conversation to %q", c)
	}

	// Where it signed, its public lines count: that is how offers change.
	hear(t, b, public(alice, "b"), offer(0, 400_000))
	want(t, b, alice, 400_000)
	hear(t, b, public(alice, "b"), "!cancel 0")
	want(t, b, alice)

	// When it leaves there, the other network is all that is left to believe.
	hear(t, b, public(alice, "b"), offer(0, 400_000))
	if b.Left("b", alice) {
		t.Error("gone although heard on a")
	}
	hear(t, b, public(alice, "a"), offer(0, 500_000))
	want(t, b, alice, 500_000)
}

func TestN20LeavingChannels(t *testing.T) {
	b := New(own, usual)
	hear(t, b, signed(alice, "a"), offer(0, 100_000)+"!tbond "+proof())
	hear(t, b, public(alice, "b"), "!orderbook")
	hear(t, b, public(bob, "b"), offer(0, 100_000))
	if b.Left("c", alice) {
		t.Error("gone from a channel where it never was")
	}
	if b.Left("a", alice) {
		t.Error("gone although heard on b")
	}
	if c, ok := b.Route(alice, chans); !ok || c != "b" {
		t.Errorf("spoken to on %q, want b", c)
	}
	want(t, b, alice, 100_000)
	b.Lost("b")
	if a := b.Snapshot(); len(a.Offers) != 0 || len(a.Bonds) != 0 {
		t.Errorf("left after the last channel broke: %+v", a)
	}
	if _, ok := b.Route(alice, chans); ok {
		t.Error("a nick on no channel has a route")
	}
	if !b.Left("a", alice) {
		t.Error("an unknown nick is not gone")
	}
}

func proof() string {
	text := make([]byte, protocol.BondProofText)
	for i := range text {
		text[i] = 'A'
	}
	return string(text)
}

func TestRouteFollowsTheLatestWord(t *testing.T) {
	b := New(own, usual)
	hear(t, b, public(alice, "a"), "!foo") // heard, no offer
	hear(t, b, public(alice, "b"), "!foo")
	if c, ok := b.Route(alice, []string{"b", "a"}); !ok || c != "b" {
		t.Errorf("route %q, want the first channel given", c)
	}
	hear(t, b, public(alice, "a"), offer(0, 100_000))
	if c, _ := b.Route(alice, chans); c != "a" {
		t.Errorf("route %q, want where it offered last", c)
	}
	hear(t, b, signed(alice, "b"), "!orderbook")
	if c, _ := b.Route(alice, chans); c != "b" {
		t.Errorf("route %q, want where it signed last", c)
	}
	hear(t, b, signed(alice, "a"), "!orderbook") // M9: a taker may change the channel
	if c, _ := b.Route(alice, chans); c != "a" {
		t.Errorf("route %q, want where it signed last", c)
	}
	if got := b.Channels(alice, chans); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("channels %v", got)
	}
	if got := b.Channels(bob, chans); got != nil {
		t.Errorf("channels of a stranger: %v", got)
	}
}

func TestOffersPerNick(t *testing.T) {
	b := New(own, usual)
	for id := range protocol.MaxOffersPerNick {
		hear(t, b, public(alice, "a"), offer(id, 100_000+id))
	}
	if _, err := b.Hear(signed(alice, "a"), offer(100, 200_000)); !errors.Is(err, ErrFull) {
		t.Errorf("ninth offer: %v", err)
	}
	hear(t, b, public(alice, "a"), offer(3, 300_000)) // replacing is no ninth
	if got := sizes(b, alice); len(got) != protocol.MaxOffersPerNick || got[3] != 300_000 {
		t.Errorf("offers %v", got)
	}
}

// fill fills the book with offers of nicks that never signed.
func fill(t testing.TB, b *Book, offers int) {
	t.Helper()
	for i := range offers {
		hear(t, b, public(nick(i/protocol.MaxOffersPerNick), "a"), offer(i%protocol.MaxOffersPerNick, 100_000))
	}
}

func TestFullOfOffers(t *testing.T) {
	b := New(own, usual)
	fill(t, b, protocol.MaxOffers)
	if _, err := b.Hear(public(alice, "a"), offer(0, 1_000_000)); !errors.Is(err, ErrFull) {
		t.Errorf("public offer into a full book: %v", err)
	}
	hear(t, b, signed(alice, "a"), offer(0, 1_000_000))
	want(t, b, alice, 1_000_000)
	want(t, b, nick(0)) // heard of first, never signed
	if n, makers := b.Count(); n != protocol.MaxOffers-protocol.MaxOffersPerNick+1 || makers != protocol.MaxOffers/protocol.MaxOffersPerNick {
		t.Errorf("%d offers of %d makers", n, makers)
	}
	if got := len(b.Snapshot().Offers); got != b.offers {
		t.Errorf("%d offers listed, %d counted", got, b.offers)
	}
}

func TestFullOfNicks(t *testing.T) {
	b := New(own, usual)
	hear(t, b, signed(bob, "a"), offer(0, 100_000))
	for i := range 2 * usual.Nicks {
		b.Hear(public(nick(i), "a"), "!foo")
	}
	if len(b.peers) != usual.Nicks {
		t.Fatalf("%d nicks, cap %d", len(b.peers), usual.Nicks)
	}
	hear(t, b, signed(alice, "a"), offer(0, 100_000))
	want(t, b, alice, 100_000)
	want(t, b, bob, 100_000)
	if b.peers[nick(0)] != nil || b.peers[nick(1)] == nil {
		t.Error("not the first heard of made room")
	}
	for i := range 2 * usual.Nicks { // now all sign
		b.Hear(signed(nick(i), "a"), "!foo")
	}
	if len(b.peers) != usual.Nicks || b.unsigned.Len() != 0 || b.peers[bob] == nil {
		t.Errorf("%d nicks, %d unsigned", len(b.peers), b.unsigned.Len())
	}
	if _, err := b.Hear(signed(nick(3*usual.Nicks), "a"), "!foo"); !errors.Is(err, ErrFull) {
		t.Errorf("one signer too many: %v", err)
	}
}

func TestBondsAreBounded(t *testing.T) {
	b := New(own, usual)
	for i := range control.MaxBookBonds + 10 {
		b.Hear(signed(nick(i), "a"), offer(0, 100_000)+"!tbond "+proof())
	}
	if n := len(b.Snapshot().Bonds); n != control.MaxBookBonds {
		t.Errorf("%d bonds, cap %d", n, control.MaxBookBonds)
	}
	b.Lost("a")
	if b.bonds != 0 || b.offers != 0 || len(b.peers) != 0 || b.unsigned.Len() != 0 {
		t.Errorf("left: %d bonds, %d offers, %d nicks", b.bonds, b.offers, len(b.peers))
	}
}

func TestSnapshotIsACopy(t *testing.T) {
	b := New(own, usual)
	hear(t, b, signed(alice, "a"), offer(0, 100_000)+"!tbond "+proof())
	a := b.Snapshot()
	a.Offers[0].MaxSize, a.Bonds[0].Proof = 1, "x"
	want(t, b, alice, 100_000)
	if b.Snapshot().Bonds[0].Proof != proof() {
		t.Error("a reader changed the book")
	}
	hear(t, b, public(alice, "a"), offer(0, 200_000))
	want(t, b, alice, 200_000)
}

func TestRandomMaker(t *testing.T) {
	b := New(own, usual)
	if _, ok := b.RandomMaker(own); ok {
		t.Error("a maker of an empty book")
	}
	hear(t, b, public(alice, "a"), offer(0, 100_000))
	hear(t, b, public(bob, "a"), "!foo")
	if _, ok := b.RandomMaker(alice); ok {
		t.Error("the excepted one, or one without offers, was drawn")
	}
	hear(t, b, public(bob, "a"), offer(0, 100_000))
	drawn := map[protocol.Nick]bool{}
	for range 200 {
		n, _ := b.RandomMaker(own)
		drawn[n] = true
	}
	if len(drawn) != 2 || !drawn[alice] || !drawn[bob] {
		t.Errorf("drawn %v", drawn)
	}
}

// BenchmarkHear: one core takes in at least 100,000 offer lines a second.
func BenchmarkHear(b *testing.B) {
	book := New(own, usual)
	lines := make([]string, 64)
	for i := range lines {
		lines[i] = offer(i%8, 100_000+i) + " ~"
	}
	nicks := make([]protocol.Nick, 2000)
	for i := range nicks {
		nicks[i] = nick(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, err := book.Hear(public(nicks[i%len(nicks)], "a"), lines[i/len(nicks)%len(lines)]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkSnapshot10000: a picture of 10,000 offers after a change takes less
// than 20 ms.
func BenchmarkSnapshot10000(b *testing.B) {
	for _, changed := range []bool{true, false} {
		b.Run(fmt.Sprintf("changed=%v", changed), func(b *testing.B) {
			book := New(own, usual)
			fill(b, book, 10_000)
			b.ResetTimer()
			for i := range b.N {
				if changed {
					hear(b, book, public(nick(0), "a"), offer(0, 100_000+i%2))
				}
				if len(book.Snapshot().Offers) != 10_000 {
					b.Fatal("offers missing")
				}
			}
		})
	}
}
