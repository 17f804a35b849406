package daemon

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

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
