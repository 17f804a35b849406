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

// failed checks the next event: a maker failed, for that reason and that long
// after start.
func failed(t *testing.T, c *client, maker protocol.Nick, reason protocol.Reason, start time.Time, after time.Duration) {
	t.Helper()
	e := expect[control.FailedEvent](c)
	if e.Maker != maker || e.Reason != reason || time.Since(start) != after {
		t.Errorf("%+v after %v, want %s: %s after %v", e, time.Since(start), maker, reason, after)
	}
}

func TestT11SilentMakers(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		quick, slow := w.puppet(bob).offers(), w.puppet(carol).offers()

		attempt, start := taker.fill(bob, carol), time.Now()
		synctest.Wait()
		quick.accept(alice)
		expect[control.PubKeyEvent](taker)
		failed(t, taker, carol, protocol.ReasonTimeoutFill, start, 30*time.Second)
		slow.accept(alice)
		taker.quiet() // too late

		taker.auth(attempt, bob, carol) // carol's failure may cross the request
		start = time.Now()
		if len(w.said(alice, carol, protocol.CmdAuth)) != 0 {
			t.Error("a maker that failed was sent the opened commitment")
		}
		failed(t, taker, bob, protocol.ReasonTimeoutAuth, start, 60*time.Second)
		quick.say(alice, protocol.CmdIOAuth, quick.seal(testIOAuth(1)))
		taker.quiet()

		// A stage can be given another time.
		taker.do(control.MethodFill, control.FillRequest{Amount: 1, Commitment: testCommitment,
			Makers: []control.MakerOffer{{Nick: bob}}, Deadline: 10 * time.Second}, nil)
		failed(t, taker, bob, protocol.ReasonTimeoutFill, time.Now(), 10*time.Second)
	})
}

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

func TestT11MissingSignatures(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := openedBy(t, w, taker, maker, 2)
		time.Sleep(time.Hour) // the taker gathers other makers as long as it likes
		taker.quiet()

		taker.tx(attempt, bob)
		start := time.Now()
		maker.heard(alice, protocol.CmdTx)
		time.Sleep(59 * time.Second)
		maker.say(alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("one")}))
		expect[control.SigEvent](taker)
		failed(t, taker, bob, protocol.ReasonTimeoutTx, start, 60*time.Second)
	})
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
		failed(t, taker, bob, protocol.ReasonBadKey, start, 30*time.Second)

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
		failed(t, taker, bob, protocol.ReasonUndecryptable, start, 60*time.Second)

		// What was of no use does not keep the right message from counting.
		attempt = taker.fill(bob)
		synctest.Wait()
		maker.say(alice, protocol.CmdPubKey, strings.Repeat("00", 32))
		maker.accept(alice)
		expect[control.PubKeyEvent](taker)
		taker.auth(attempt, bob)
		start = time.Now()
		failed(t, taker, bob, protocol.ReasonTimeoutAuth, start, 60*time.Second)
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

func TestMakerLeaves(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		taker.fill(bob)
		start := time.Now()
		synctest.Wait()
		w.pit().Leave(bob)
		failed(t, taker, bob, protocol.ReasonLeft, start, 0)

		taker.fill(bob)
		failed(t, taker, bob, protocol.ReasonUnreachable, time.Now(), 0)

		maker.offers()
		attempt := openedBy(t, w, taker, maker, 1)
		taker.tx(attempt, bob)
		synctest.Wait()
		w.pit().Leave(bob)
		taker.quiet()
		maker.say(alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("back again")}))
		expect[control.SigEvent](taker)
	})
}

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

// TestLowerCaseHostID: some peers learn the name of an IRC network in lower
// case; that is the one other spelling that counts.
func TestLowerCaseHostID(t *testing.T) {
	for id, ok := range map[string]bool{"testnet": true, "TESTNET": false} {
		inWorld(t, Config{}, func(t *testing.T, w *world) {
			taker := w.enter(control.RoleTaker, alice)
			maker := w.puppet(bob).offers()
			taker.fill(bob)
			synctest.Wait()
			w.pit().Say(private(bob, alice, protocol.CmdPubKey, maker.key.Public(), id))
			if !ok {
				taker.quiet()
				return
			}
			expect[control.PubKeyEvent](taker)
		})
	}
}

// TestM9ChannelChange: a conversation goes on when its channel breaks, over
// another one where the maker was heard, signed for that one.
func TestM9ChannelChange(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob)
		maker.pit = "other"
		maker.offers()
		maker.pit = "pit"
		maker.offers()
		attempt := taker.fill(bob)
		synctest.Wait()
		maker.accept(alice)
		expect[control.PubKeyEvent](taker)
		taker.auth(attempt, bob)
		synctest.Wait()
		maker.heard(alice, protocol.CmdAuth)
		w.pit().Break()
		maker.pit = "other" // the maker has seen its side break too
		maker.say(alice, protocol.CmdIOAuth, maker.seal(testIOAuth(1)))
		expect[control.IOAuthEvent](taker)
		taker.tx(attempt, bob)
		synctest.Wait()
		var tx daemontest.Line
		for _, l := range w.pits["other"].Lines() {
			if strings.HasPrefix(l.Text, "!tx ") {
				tx = l
			}
		}
		f := strings.Split(tx.Text, " ")
		if len(f) != 4 || f[3] != fakeSignature(fakeKey(alice), f[1]+"OtherNet") {
			t.Fatalf("tx on the other channel: %.80q", tx.Text)
		}
		if plaintext, err := maker.box.Open(f[1]); err != nil || plaintext != line.Plaintext(line.Tx{Tx: testTx}) {
			t.Errorf("tx %.40q, %v", plaintext, err)
		}
		w.pits["other"].Break()
		w.pit().Mend()
		maker.pit = "pit"
		maker.say(alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("sig")}))
		expect[control.SigEvent](taker)
	})
}

// TestChannelBreaksWhileSigning: a message that was signed for a channel which
// broke meanwhile is signed again for another, never sent as it is.
func TestChannelBreaksWhileSigning(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob)
		maker.pit = "other"
		maker.offers()
		maker.pit = "pit"
		maker.offers()
		asked, answer := make(chan string, 2), make(chan struct{})
		taker.signer = func(r control.SignRequest) (control.SignAnswer, error) {
			asked <- r.HostID
			<-answer
			return control.SignAnswer{PubKey: fakeKey(alice), Signature: fakeSignature(fakeKey(alice), r.Text)}, nil
		}
		taker.fill(bob)
		if id := <-asked; id != hostID {
			t.Errorf("signed for %q first", id)
		}
		w.pit().Break()
		synctest.Wait()
		close(answer)
		if id := <-asked; id != "OtherNet" {
			t.Errorf("signed for %q then", id)
		}
		synctest.Wait()
		if n := len(w.said(alice, bob, protocol.CmdFill)); n != 0 {
			t.Errorf("%d fills on the broken channel", n)
		}
		lines := w.pits["other"].Lines()
		if l := lines[len(lines)-1]; !strings.HasPrefix(l.Text, "!fill ") || l.To != bob {
			t.Errorf("last line %+v", l)
		}
	})
}

// TestDuplicatesOverChannels: a maker on two channels may answer on both.
func TestDuplicatesOverChannels(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := taker.fill(bob)
		synctest.Wait()
		both := func(command protocol.Command, msg string) {
			for _, pit := range []string{"pit", "other"} {
				maker.pit = pit
				maker.say(alice, command, msg)
			}
			maker.pit = "pit"
		}
		maker.meet(maker.heard(alice, protocol.CmdFill)[2])
		both(protocol.CmdPubKey, maker.key.Public())
		expect[control.PubKeyEvent](taker)
		taker.quiet()
		taker.auth(attempt, bob)
		both(protocol.CmdIOAuth, maker.seal(testIOAuth(1)))
		expect[control.IOAuthEvent](taker)
		taker.quiet()
		taker.tx(attempt, bob)
		synctest.Wait()
		both(protocol.CmdSig, maker.seal(line.Sig{Script: []byte("sig")}))
		expect[control.SigEvent](taker)
		taker.quiet()
	})
}

// TestAirtime: makers get their time from when the last message has left a slow
// channel, or the first would have failed before the last was asked.
func TestAirtime(t *testing.T) {
	cfg := channels("pit")
	cfg[0].LineInterval = 0 // the reference's
	inWorld(t, Config{Channels: cfg}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		var makers []protocol.Nick
		for i := range 20 {
			w.puppet(nick(i)).offers()
			makers = append(makers, nick(i))
		}
		taker.fill(makers...)
		start := time.Now()
		expect[control.FailedEvent](taker)
		if got := time.Since(start); got != 30*time.Second+20*1300*time.Millisecond {
			t.Errorf("the first of 20 makers failed after %v", got)
		}
	})
}

// TestSilentMakerCostsOnlyItself: a maker that does not answer fill is given up
// soon enough for the others, which do not wait for auth for long (attack M7).
func TestSilentMakerCostsOnlyItself(t *testing.T) {
	cfg := channels("pit")
	cfg[0].LineInterval = 0 // the reference's
	inWorld(t, Config{Channels: cfg}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		var makers []protocol.Nick
		clients := map[protocol.Nick]*client{}
		for i := range 9 {
			makers = append(makers, nick(i))
			clients[nick(i)] = w.maker(nick(i))
		}
		w.puppet(carol).offers()
		attempt := taker.fill(append(makers, carol)...)
		for range makers {
			expect[control.PubKeyEvent](taker)
		}
		if e := expect[control.FailedEvent](taker); e.Maker != carol {
			t.Fatalf("%+v", e)
		}
		// The pit has no pace. On one that has, the last auth leaves so much
		// later than the first, but so did the fill of that maker.
		time.Sleep(control.Airtime(control.DefaultLineInterval, len(makers), 500) - control.Airtime(control.DefaultLineInterval, len(makers), 150))
		taker.auth(attempt, makers...)
		for _, m := range makers {
			expect[control.AuthEvent](clients[m])
		}
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
