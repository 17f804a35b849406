package daemon

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// openedBy brings an attempt with one maker to its ioauth.
func openedBy(t *testing.T, w *world, taker *client, maker *puppet, coins int) uint64 {
	t.Helper()
	attempt := taker.fill(maker.nick)
	synctest.Wait()
	maker.accept(alice)
	expect[control.PubKeyEvent](taker)
	taker.auth(attempt, maker.nick)
	maker.heard(alice, protocol.CmdAuth)
	maker.say(alice, protocol.CmdIOAuth, maker.seal(testIOAuth(coins)))
	expect[control.IOAuthEvent](taker)
	return attempt
}

func TestT8SignatureFlood(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := openedBy(t, w, taker, maker, 2)
		maker.say(alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("early")}))
		taker.quiet()
		taker.tx(attempt, bob)
		synctest.Wait()
		once := maker.seal(line.Sig{Script: []byte("junk")})
		for range 5 {
			maker.say(alice, protocol.CmdSig, once)
		}
		for range 3 * exchange.MaxSigs {
			time.Sleep(time.Second)
			maker.say(alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("junk")}))
		}
		for range exchange.MaxSigs {
			expect[control.SigEvent](taker)
		}
		taker.quiet()
	})
}

func TestT9AnswersTwice(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := taker.fill(bob)
		synctest.Wait()
		maker.accept(alice)
		maker.say(alice, protocol.CmdPubKey, maker.key.Public())
		if e := expect[control.PubKeyEvent](taker); e.PubKey != maker.key.Public() {
			t.Errorf("%+v", e)
		}
		other, err := seal.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		maker.say(alice, protocol.CmdPubKey, other.Public())
		taker.quiet()
		taker.auth(attempt, bob)
		maker.say(alice, protocol.CmdPubKey, other.Public())
		if n := len(w.said(alice, bob, protocol.CmdAuth)); n != 1 {
			t.Errorf("%d auths", n)
		}
		if plaintext, err := maker.box.Open(maker.heard(alice, protocol.CmdAuth)[0]); err != nil || plaintext != line.Plaintext(testAuth) {
			t.Errorf("auth for the first key: %q, %v", plaintext, err)
		}
		ioauth := maker.seal(testIOAuth(1))
		maker.say(alice, protocol.CmdIOAuth, ioauth)
		expect[control.IOAuthEvent](taker)
		maker.say(alice, protocol.CmdIOAuth, ioauth)
		maker.say(alice, protocol.CmdIOAuth, maker.seal(testIOAuth(2)))
		taker.quiet()
	})
}

func TestN22UnusableKeysAndBoxes(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		taker.fill(bob)
		start := time.Now()
		synctest.Wait()
		maker.say(alice, protocol.CmdPubKey, strings.Repeat("00", 32))
		maker.say(alice, protocol.CmdPubKey, "xyz!sig")
		maker.say(alice, protocol.CmdPubKey, strings.Repeat("00", 32))
		if got := w.said(alice, bob, protocol.CmdError); len(got) != 1 || !strings.HasPrefix(got[0], "invalid nacl pubkey: 0000") {
			t.Errorf("answered %q", got)
		}
		failed(t, taker, bob, protocol.ReasonBadKey, start, control.DefaultDeadline)

		attempt := taker.fill(bob)
		synctest.Wait()
		maker.accept(alice)
		expect[control.PubKeyEvent](taker)
		taker.auth(attempt, bob)
		synctest.Wait()
		start = time.Now()
		stranger := w.puppet(carol)
		stranger.meet(maker.key.Public())
		maker.say(alice, protocol.CmdIOAuth, stranger.seal(testIOAuth(1)))
		maker.say(alice, protocol.CmdIOAuth, "AAAA")
		maker.say(alice, protocol.CmdIOAuth, stranger.seal(testIOAuth(1)))
		failed(t, taker, bob, protocol.ReasonUndecryptable, start, exchange.PaceLeast)

		// What was of no use does not keep the right message from counting.
		attempt = taker.fill(bob)
		synctest.Wait()
		maker.say(alice, protocol.CmdPubKey, strings.Repeat("00", 32))
		maker.accept(alice)
		expect[control.PubKeyEvent](taker)
		taker.auth(attempt, bob)
		start = time.Now()
		failed(t, taker, bob, protocol.ReasonTimeoutAuth, start, exchange.PaceLeast)
	})
}

func TestMakerRefuses(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		for text, reason := range map[string]protocol.Reason{
			"amount out of range":              protocol.ReasonRefused,
			"Commitment is blacklisted: 00":    protocol.ReasonBlacklisted,
			"BLACKLISTED " + longText(1000):    protocol.ReasonBlacklisted,
			"no \"quotes\" <b>are</b> harmful": protocol.ReasonRefused,
		} {
			taker.fill(bob)
			synctest.Wait()
			maker.say(alice, protocol.CmdError, text)
			e := expect[control.FailedEvent](taker)
			if e.Reason != reason || e.Text != text[:min(len(text), 200)] {
				t.Errorf("%q: %+v", text, e)
			}
			maker.accept(alice)
			taker.quiet()
			maker.say(alice, protocol.CmdError, "and again")
			if e := expect[control.ErrorEvent](taker); e.Nick != bob || e.Text != "and again" {
				t.Errorf("%+v", e)
			}
		}
		for i := range 1000 { // free text is bounded
			w.puppet(nick(i)).say(alice, protocol.CmdError, "spam")
		}
		synctest.Wait()
		if n := len(taker.events); n > 25 {
			t.Errorf("%d texts of strangers told", n)
		}
	})
}

func longText(n int) string { return strings.Repeat("x", n) }

func TestNewFillEndsTheAttempt(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		other := w.puppet(carol).offers()
		first := taker.fill(bob, carol)
		synctest.Wait()
		old := maker.heard(alice, protocol.CmdFill)[2]
		second := taker.fill(bob)
		synctest.Wait()
		if second <= first || maker.heard(alice, protocol.CmdFill)[2] == old {
			t.Errorf("attempts %d and %d; the second has the key of the first", first, second)
		}
		other.accept(alice)
		taker.quiet()
		maker.accept(alice)
		if e := expect[control.PubKeyEvent](taker); e.Attempt != second {
			t.Errorf("%+v", e)
		}
		time.Sleep(time.Hour)
		taker.quiet() // nothing of the first attempt is left to fail
	})
}

// TestT10Forged: what is not signed by its sender, or for another channel, or by
// somebody else, is as if it had not come.
func TestT10Forged(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		taker.fill(bob)
		synctest.Wait()
		maker.meet(maker.heard(alice, protocol.CmdFill)[2])
		key := maker.key.Public()
		good := private(bob, alice, protocol.CmdPubKey, key, hostID)
		for _, text := range []string{
			strings.Replace(good.Text, key[:8], "deadbeef", 1),
			strings.Replace(good.Text, fakeKey(bob), fakeKey(mal), 1),
			private(mal, alice, protocol.CmdPubKey, key, hostID).Text,
			private(bob, alice, protocol.CmdPubKey, key, "AnotherNet").Text,
			private(bob, alice, protocol.CmdPubKey, key, "").Text,
			"!pubkey " + key,
			strings.ToUpper(good.Text),
			strings.TrimPrefix(good.Text, "!"),
			good.Text + " ",
			good.Text + "\x00",
			strings.Replace(good.Text, "!pubkey ", "!pubkey\t", 1),
		} {
			w.pit().Say(daemontest.Line{From: bob, To: alice, Text: text})
		}
		w.pit().Say(daemontest.Line{From: "somebody", To: alice, Text: good.Text})
		w.pit().Say(daemontest.Line{From: alice, To: alice, Text: good.Text})
		taker.quiet()
		w.pit().Say(good)
		expect[control.PubKeyEvent](taker)
	})
}

func TestTooLarge(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := openedBy(t, w, taker, maker, 1)
		taker.do(control.MethodTx, control.TxRequest{Attempt: attempt, Makers: []protocol.Nick{bob}, Tx: bytes.Repeat([]byte{1}, protocol.MaxTx)}, nil)
		if got := maker.heard(alice, protocol.CmdTx); len(got[0]) < 39_000 {
			t.Errorf("T23: a transaction of the greatest size leaves as %d characters", len(got[0]))
		}
	})
}

func TestWatcherOnlyReads(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		watcher := w.enter(control.RoleWatcher, alice)
		maker := w.puppet(bob).offers()
		maker.say(alice, "sw0absoffer", "1 100000 5000000 0 500!tbond "+longText(protocol.BondProofText-4)+"AAAA")
		w.pit().Say(daemontest.Line{From: carol, To: alice, Text: "!sw0absoffer 1 100000 5000000 0 500 " + fakeKey(carol) + " " + fakeSignature(fakeKey(carol), "x")})
		for _, command := range []protocol.Command{"pubkey", "ioauth", "sig", "error", "fill", "auth", "tx", "push", "hp2"} {
			maker.say(alice, command, "AAAA")
		}
		maker.public("!hp2 " + strings.Repeat("ab", 32) + "!orderbook")
		watcher.quiet()
		var book control.OrderbookAnswer
		watcher.do(control.MethodOrderbook, nil, &book)
		if got := fmt.Sprint(len(book.Offers), len(book.Bonds)); got != "2 1" {
			t.Errorf("offers and bonds %s: %+v", got, book)
		}
		if len(w.said(alice, bob, protocol.CmdError)) != 0 || len(w.said(alice, "", "hp2")) != 0 {
			t.Error("a watcher spoke")
		}
		if v, _ := protocol.Commitment("P" + strings.Repeat("ab", 32)).Bytes(); w.d.used.Known(v) {
			t.Error("a watcher stored a commitment")
		}
	})
}
