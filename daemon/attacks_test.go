package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// onTwoNetworks is a world in which everybody is on two channels with host ids
// of their own.
func onTwoNetworks(t *testing.T, test func(t *testing.T, w *world, counts *count.Set)) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts, Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		test(t, w, counts)
	})
}

// TestM1UsedInEverySpelling: a commitment that was used is refused however its
// digits are written, and what is none is not taken, whatever it resembles.
func TestM1UsedInEverySpelling(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		digits := "abcdef" + strings.Repeat("0123456789abcdef", 4)[6:]
		fill := func(p *puppet, commitment string) {
			p.say(bob, protocol.CmdFill, "0 500000 "+p.key.Public()+" "+commitment)
		}
		fill(taker, "P"+digits)
		taker.meet(taker.heard(bob, protocol.CmdPubKey)[0])
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		maker.reveals()

		for i, spelling := range []string{digits, strings.ToUpper(digits), strings.ToUpper(digits[:3]) + digits[3:], digits[:63] + strings.ToUpper(digits[63:])} {
			again := w.puppet(nick(i))
			fill(again, "P"+spelling)
			if again.answers(bob, protocol.CmdPubKey) != 0 || again.answers(bob, protocol.CmdError) != 1 {
				t.Errorf("used, written %.8s...: %d keys, %d refusals", spelling,
					again.answers(bob, protocol.CmdPubKey), again.answers(bob, protocol.CmdError))
			}
		}
		before := maker.status().Conversations
		for i, form := range []string{
			digits, "p" + digits, "Q" + digits, "P" + digits[1:], "P" + digits + "0", "P" + digits[2:], "P" + digits + "00",
			"P0x" + digits[2:], "P" + digits[:63] + "g", "P" + digits[:62] + "+1", "P", "PP" + digits[1:], "P" + digits[:32] + "-" + digits[33:],
		} {
			odd := w.puppet(nick(100 + i))
			fill(odd, form)
			if odd.answers(bob, protocol.CmdPubKey) != 0 {
				t.Errorf("%q is taken", form)
			}
		}
		if n := maker.status().Conversations; n != before {
			t.Errorf("%d conversations, then %d", before, n)
		}
	})
}

// TestM16HostileFeesStayOut: offers with fees that are no plain number within
// bounds reach no order book, and leave the others of their line there.
func TestM16HostileFeesStayOut(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		relative := []string{"-0.1", "NaN", "nan", "inf", "-inf", "Infinity", "1", "1.5", "1e9", "1e-999999999", "0." + strings.Repeat("0", 40) + "1",
			"0x1", "1_0", "+0.1", " 0.1", ".5", "0,1", "١", "--1"}
		for i, fee := range relative {
			w.puppet(nick(i)).public("!sw0reloffer 0 100000 5000000 0 " + fee)
		}
		absolute := []string{"-1", "2100000000000001", "99999999999999999999999", "1.0", "1e3", "NaN", "+1", "0x10", "1_000"}
		for i, fee := range absolute {
			w.puppet(nick(100 + i)).public("!sw0absoffer 0 100000 5000000 0 " + fee)
			w.puppet(nick(200 + i)).public("!sw0reloffer 0 100000 5000000 " + fee + " 0.1") // what it adds to the miner fee
		}
		if a := taker.status(); a.Offers != 0 {
			var book control.OrderbookAnswer
			taker.do(control.MethodOrderbook, nil, &book)
			t.Errorf("in the book: %+v", book.Offers)
		}
		w.puppet(carol).public("!sw0absoffer 0 100000 5000000 0 NaN!sw0absoffer 1 100000 5000000 0 5")
		if a := taker.status(); a.Offers != 1 {
			t.Errorf("%d offers of a line with one good and one bad", a.Offers)
		}
	})
}

// TestN9NickTakenElsewhere: somebody goes by a taker's nick on another network,
// without its key. What he says does not count, and that he leaves, or is never
// there, ends nothing.
func TestN9NickTakenElsewhere(t *testing.T) {
	onTwoNetworks(t, func(t *testing.T, w *world, counts *count.Set) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		other := w.pits["other"]
		unproven := func(command protocol.Command, msg string) {
			other.Say(daemontest.Line{From: alice, To: bob, Text: "!" + string(command) + " " + msg + " " +
				fakeKey(mal) + " " + fakeSignature(fakeKey(mal), msg+hostIDs["other"])}) // a right signature, of another key
			other.Say(daemontest.Line{From: alice, To: bob, Text: "!" + string(command) + " " + msg + " " +
				fakeKey(alice) + " " + fakeSignature(fakeKey(mal), msg+hostIDs["other"])}) // the right key, a wrong signature
			synctest.Wait()
		}
		auth := taker.seal(testAuth)
		unproven(protocol.CmdAuth, auth)
		unproven(protocol.CmdFill, taker.fillText(7))
		maker.quiet()
		counted(t, counts, count.DropProof, 4)
		other.Say(daemontest.Line{From: alice, Text: "!orderbook"})
		other.Leave(alice)
		synctest.Wait()
		taker.say(bob, protocol.CmdAuth, auth)
		maker.reveals()
		if n := taker.answers(bob, protocol.CmdIOAuth); n != 1 {
			t.Errorf("%d answers to the holder of the nick", n)
		}
	})
}

// TestN10OtherNetworkRefused: a message that was signed for one network counts on
// no other; the same, signed for that one, does.
func TestN10OtherNetworkRefused(t *testing.T) {
	onTwoNetworks(t, func(t *testing.T, w *world, counts *count.Set) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		auth := taker.seal(testAuth)
		w.pits["other"].Say(private(alice, bob, protocol.CmdAuth, auth, hostID)) // as it was recorded on the first
		synctest.Wait()
		maker.quiet()
		counted(t, counts, count.DropProof, 1)
		w.pits["other"].Say(private(alice, bob, protocol.CmdAuth, auth, hostIDs["other"]))
		if e := expect[control.AuthEvent](maker); e.Taker != alice {
			t.Errorf("%+v", e)
		}
		w.pit().Say(private(alice, bob, protocol.CmdAuth, auth, hostID)) // and once more where it belongs
		synctest.Wait()
		maker.quiet()
	})
}

// TestN16ForgedPublicLines: what is said in public under a maker's nick on
// another network neither takes away nor changes the offers that the maker has
// signed, and a conversation with it goes on.
func TestN16ForgedPublicLines(t *testing.T) {
	onTwoNetworks(t, func(t *testing.T, w *world, _ *count.Set) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob)
		maker.say(alice, protocol.Command(protocol.SW0RelOffer), "0 100000 5000000 0 0.00002")
		book := func() []control.OfferEntry {
			t.Helper()
			var a control.OrderbookAnswer
			taker.do(control.MethodOrderbook, nil, &a)
			return a.Offers
		}
		genuine := book()
		if len(genuine) != 1 || genuine[0].Nick != bob {
			t.Fatalf("%+v", genuine)
		}
		taker.fill(bob)
		synctest.Wait()
		forger := w.puppet(bob)
		forger.pit = "other"
		for _, line := range []string{"!cancel 0", "!sw0reloffer 0 1 2 0 0.9", "!sw0absoffer 0 100000 5000000 0 1", "!cancel 0!cancel 0", "!hp2 " + strings.Repeat("ab", 32)} {
			forger.public(line)
			if got := book(); len(got) != 1 || got[0] != genuine[0] {
				t.Errorf("%s: the book has %+v", line, got)
			}
		}
		w.pits["other"].Leave(bob)
		synctest.Wait()
		if got := book(); len(got) != 1 || got[0] != genuine[0] {
			t.Errorf("the forger left: the book has %+v", got)
		}
		start := time.Now()
		maker.accept(alice)
		if e := expect[control.PubKeyEvent](taker); e.Maker != bob || time.Since(start) != 0 {
			t.Errorf("%+v", e)
		}
		// The maker itself may cancel, where it is.
		maker.public("!cancel 0")
		if got := book(); len(got) != 0 {
			t.Errorf("after the maker's own cancel: %+v", got)
		}
	})
}
