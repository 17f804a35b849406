package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// ended checks the next event: a conversation ended, for that reason and that
// long after start.
func ended(t *testing.T, c *client, id uint64, reason protocol.Reason, start time.Time, after time.Duration) {
	t.Helper()
	e := expect[control.EndedEvent](c)
	if e.Conversation != id || e.Reason != reason || time.Since(start) != after {
		t.Errorf("%+v after %v, want %d: %s after %v", e, time.Since(start), id, reason, after)
	}
}

// answers is how often a maker said a command to a puppet.
func (p *puppet) answers(maker protocol.Nick, command protocol.Command) int {
	return len(p.w.said(maker, p.nick, command))
}

func TestM7HalfOpenFillsExpire(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		for i := range 2 * DefaultBounds.Conversations {
			w.puppet(nick(i)).fill(bob, i)
		}
		if n := maker.status().Conversations; n != DefaultBounds.Conversations {
			t.Errorf("%d conversations, cap %d", n, DefaultBounds.Conversations)
		}
		if taker := w.puppet(nick(DefaultBounds.Conversations)); taker.answers(bob, protocol.CmdPubKey) != 0 {
			t.Error("a fill beyond the cap was answered")
		}
		time.Sleep(exchange.DefaultLimits[exchange.LimitAuth])
		if n := maker.status().Conversations; n != 0 {
			t.Errorf("%d conversations after a minute without auth", n)
		}
		maker.quiet() // the client never knew of them
		taker := w.puppet(alice)
		taker.begin(bob, 0) // and their commitments are free again
	})
}

// TestFiftyTakersAtOnce: takers that come together, each with its first message
// before anybody has an answer, are all served, in the order in which they came.
func TestFiftyTakersAtOnce(t *testing.T) {
	const takers = 50
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		all := make([]*puppet, takers)
		for i := range all {
			all[i] = w.puppet(nick(i))
			all[i].fill(bob, i)
		}
		synctest.Wait()
		for _, p := range all {
			p.meet(p.heard(bob, protocol.CmdPubKey)[0])
			p.say(bob, protocol.CmdAuth, p.seal(testAuth))
		}
		for i, p := range all {
			e := expect[control.AuthEvent](maker)
			if e.Taker != p.nick {
				t.Fatalf("%s opened its commitment as number %d, the client hears of %s", p.nick, i, e.Taker)
			}
			maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
		}
		synctest.Wait()
		for _, p := range all {
			if n := p.answers(bob, protocol.CmdIOAuth); n != 1 {
				t.Errorf("%s was shown coins %d times", p.nick, n)
			}
		}
	})
}

// TestM7FloodOfFills: fills of ever new nicks leave nothing behind that grows
// with their number.
func TestM7FloodOfFills(t *testing.T) {
	const fills = 5_000
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c, s := w.inside(bob)
		c.enter(control.RoleMaker)
		c.announce(offer(0))
		taker := w.puppet(alice)
		taker.begin(bob, 1<<20)
		for i := range fills {
			p := puppet{w: w, nick: nick(i), key: taker.key}
			w.pit().Say(private(p.nick, bob, protocol.CmdFill, p.fillText(i), hostID))
			if i%500 == 0 {
				synctest.Wait()
				if n := c.status().Conversations; n > DefaultBounds.Conversations {
					t.Fatalf("%d conversations, cap %d", n, DefaultBounds.Conversations)
				}
			}
		}
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		expect[control.AuthEvent](c) // who was in a conversation is not crowded out
		c.quiet()
		if n := len(w.pit().Lines()); n > fills+200 {
			t.Errorf("%d lines were said in answer", n-fills)
		}
		if n := len(s.role.(*maker).talks); n > DefaultBounds.Conversations || len(s.in.queues)+len(s.out.queues) != 0 || len(s.clock.alarms) > n+2 {
			t.Errorf("left: %d conversations, %d and %d queues, %d alarms", n, len(s.in.queues), len(s.out.queues), len(s.clock.alarms))
		}
	})
}

// TestFloodWhileClientIsBusy: messages that wait for the client's verdict are
// bounded, and those of an open conversation go first.
func TestFloodWhileClientIsBusy(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		c, s := w.inside(bob)
		c.enter(control.RoleMaker)
		c.announce(offer(0))
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		c.mute = make(chan struct{})
		for i := range 5 * maxStrangers {
			w.pit().Say(private(nick(i), bob, protocol.CmdPush, longText(i%3000)+"?", hostID))
		}
		auth := taker.seal(testAuth)
		for range 3 * maxPerNick {
			w.pit().Say(private(alice, bob, protocol.CmdAuth, auth, hostID))
		}
		synctest.Wait()
		in := &s.in
		if n := len(in.queues); n > maxStrangers+maxVerdicts+1 {
			t.Errorf("%d nicks wait", n)
		}
		if n := len(in.queues[alice].waiting); n > maxPerNick {
			t.Errorf("%d messages of one nick wait, cap %d", n, maxPerNick)
		}
		if in.strangers.count != maxStrangers {
			t.Errorf("%d messages of strangers wait, cap %d", in.strangers.count, maxStrangers)
		}
		if n, want := counts.Get(count.LimitVerdicts), uint64(4*maxStrangers+2*maxPerNick-maxVerdicts); n != want {
			t.Errorf("%d counted, want %d", n, want)
		}
		close(c.mute)
		expect[control.AuthEvent](c)
		c.quiet()
		if len(in.queues)+in.asking+in.known.count+in.known.bytes+in.strangers.count+in.strangers.bytes+len(in.known.turns)+len(in.strangers.turns) != 0 {
			t.Errorf("left in the queue: %+v", in)
		}
	})
}

func TestM8ReplayedFill(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob, offer(0), offer(1))
		taker := w.puppet(alice)
		first := taker.fill(bob, 0)
		taker.meet(taker.heard(bob, protocol.CmdPubKey)[0])
		for range 3 {
			taker.say(bob, protocol.CmdFill, first) // the same bytes
			taker.fill(bob, 1)                      // another one of the same nick
			taker.say(bob, protocol.CmdFill, "0 1 2 3")
			time.Sleep(15 * time.Second)
		}
		if n := taker.answers(bob, protocol.CmdPubKey) + taker.answers(bob, protocol.CmdError); n != 1 {
			t.Errorf("%d answers to a nick in a conversation", n)
		}
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		if e := expect[control.AuthEvent](maker); e.Commitment != protocol.NewCommitment([32]byte{1}) {
			t.Errorf("the conversation is that of another fill: %+v", e)
		}
		// One that is over may be followed by another.
		maker.do(control.MethodRefuse, control.RefuseRequest{Conversation: 1, Reason: protocol.ReasonTakerCoin}, nil)
		ended(t, maker, 1, protocol.ReasonTakerCoin, time.Now(), 0)
		taker.begin(bob, 1)
		time.Sleep(61 * time.Second)
		taker.begin(bob, 1)
		if n := taker.answers(bob, protocol.CmdPubKey); n != 3 {
			t.Errorf("%d keys, want 3", n)
		}
	})
}

func TestM4M1OneCommitmentTwoTakers(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w.maker(bob)
		w.maker(carol)
		first, second := w.puppet(alice), w.puppet(mal)
		first.begin(bob, 0)
		text := second.fillText(0)
		for _, maker := range []protocol.Nick{bob, carol} { // another session of the daemon, too
			second.say(maker, protocol.CmdFill, text)
			if got := w.said(maker, mal, protocol.CmdError); len(got) != 1 || !strings.HasPrefix(got[0], "Commitment is blacklisted: 01") {
				t.Errorf("%s answered %q", maker, got)
			}
		}
		first.fill(carol, 0) // the same taker commits once to all makers of a transaction
		if first.answers(carol, protocol.CmdPubKey) != 1 {
			t.Error("the second maker of a transaction refused its taker")
		}
		// M1: no other spelling is another commitment.
		time.Sleep(20 * time.Second)
		i := strings.LastIndex(text, "P")
		second.say(bob, protocol.CmdFill, text[:i+1]+strings.ToUpper(text[i+1:]))
		if n := second.answers(bob, protocol.CmdPubKey); n != 0 {
			t.Error("upper-case digits made a new commitment")
		}
	})
}

func TestM9M10WrongOrder(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		auth, tx := taker.seal(testAuth), taker.seal(line.Tx{Tx: testTx})
		taker.say(bob, protocol.CmdTx, tx)
		taker.say(bob, protocol.CmdTx, auth)
		taker.say(bob, protocol.CmdSig, tx)
		taker.say(bob, protocol.CmdIOAuth, auth)
		taker.say(bob, protocol.CmdPubKey, taker.key.Public())
		maker.quiet()
		taker.say(bob, protocol.CmdAuth, auth)
		talk := expect[control.AuthEvent](maker).Conversation
		taker.say(bob, protocol.CmdAuth, auth)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		taker.say(bob, protocol.CmdTx, tx)
		maker.quiet()
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: talk, IOAuth: coins(1)}, nil)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		taker.say(bob, protocol.CmdTx, tx+"A")
		maker.quiet()
		taker.say(bob, protocol.CmdTx, tx)
		expect[control.TxEvent](maker)
		taker.say(bob, protocol.CmdTx, tx)
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: bytes.Repeat([]byte{9}, 300)}))
		maker.quiet()
		maker.do(control.MethodSigs, control.SigsRequest{Conversation: talk, Sigs: []string{testSig}}, nil)
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: bytes.Repeat([]byte{9}, 300)}))
		maker.quiet()
		if a, b := taker.answers(bob, protocol.CmdIOAuth), taker.answers(bob, protocol.CmdSig); a != 1 || b != 1 {
			t.Errorf("%d ioauths and %d signatures, want one each", a, b)
		}
	})
}

func TestMakerDeadlines(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		begin := func(n int) uint64 {
			t.Helper()
			taker.begin(bob, n)
			taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
			return expect[control.AuthEvent](maker).Conversation
		}
		reveal := func(id uint64) {
			t.Helper()
			maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: id, IOAuth: coins(1)}, nil)
			synctest.Wait()
		}
		id, start := begin(0), time.Now()
		ended(t, maker, id, protocol.ReasonClientTimeout, start, 60*time.Second)
		id, start = begin(1), time.Now()
		reveal(id)
		ended(t, maker, id, protocol.ReasonTimeoutTx, start, 300*time.Second)
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		maker.quiet()
		id = begin(2)
		reveal(id)
		time.Sleep(299 * time.Second)
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		expect[control.TxEvent](maker)
		start = time.Now()
		ended(t, maker, id, protocol.ReasonClientTimeout, start, 60*time.Second)
		if n := taker.answers(bob, protocol.CmdSig); n != 0 {
			t.Errorf("%d signatures", n)
		}
	})
}

func TestClientGoneInMidConversation(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, taker := w.maker(bob), w.enter(control.RoleTaker, alice)
		taker.fill2(bob)
		attempt := expect[control.PubKeyEvent](taker).Attempt
		taker.auth(attempt, bob)
		expect[control.AuthEvent](maker)
		maker.conn.Close()
		<-maker.done
		synctest.Wait()
		if nicks := w.pit().Nicks(); len(nicks) != 1 || nicks[0] != alice {
			t.Errorf("on the pit: %v", nicks)
		}
		if e := expect[control.FailedEvent](taker); e.Reason != protocol.ReasonLeft {
			t.Errorf("%+v", e)
		}
		// The commitment was opened but no coins were shown for it: it is free.
		again := w.maker(bob)
		taker.fill2(bob)
		expect[control.PubKeyEvent](taker)
		if n := again.status().Clients; n != 2 {
			t.Errorf("%d clients", n)
		}
	})
}

// TestStoredBeforeShown: the commitment is in the file before the ioauth is on
// the channel.
func TestStoredBeforeShown(t *testing.T) {
	dir := t.TempDir()
	inWorld(t, Config{Commitments: filepath.Join(dir, "commitmentlist")}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker)
		stored := func() bool {
			text, err := os.ReadFile(filepath.Join(dir, "commitmentlist"))
			return err == nil && strings.Contains(string(text), "01"+strings.Repeat("00", 31)+"\n")
		}
		if stored() {
			t.Error("stored although nothing was shown")
		}
		shown := false
		w.pit().Lose(func(l daemontest.Line) bool {
			if strings.HasPrefix(l.Text, "!ioauth ") {
				if shown = true; !stored() {
					t.Error("shown before it was stored")
				}
			}
			return false
		})
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
		synctest.Wait()
		if !shown {
			t.Error("no ioauth")
		}
	})
}

// TestD7NotStoredNotShown: when the commitment cannot be stored, no coins are
// shown.
func TestD7NotStoredNotShown(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker)
		w.d.used.Close()
		if err := maker.call(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil); err == nil {
			t.Error("ioauth accepted")
		}
		ended(t, maker, e.Conversation, protocol.ReasonInternal, time.Now(), 0)
		if taker.answers(bob, protocol.CmdIOAuth) != 0 {
			t.Error("coins were shown")
		}
	})
}

func TestPushIsBounded(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker := w.maker(bob)
		taker := w.puppet(alice)
		push := line.Fields(line.Push{Tx: testTx})
		for range 10 {
			taker.say(bob, protocol.CmdPush, push)
		}
		taker.say(bob, protocol.CmdPush, "AAAA")
		taker.say(bob, protocol.CmdPush, push+" x")
		for range 3 {
			expect[control.PushEvent](maker)
		}
		maker.quiet()
	})
}

func TestFillsOfOneNickAreBounded(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w.maker(bob)
		taker := w.puppet(alice)
		for range 600 / 5 { // ten minutes
			taker.say(bob, protocol.CmdFill, "7 500000 "+taker.key.Public()+" "+string(testCommitment))
			time.Sleep(5 * time.Second)
		}
		if n := taker.answers(bob, protocol.CmdError); n < 6 || n > 12 {
			t.Errorf("%d answers in ten minutes", n)
		}
		another := w.puppet(carol) // that tries again at once
		for range 10 {
			another.say(bob, protocol.CmdFill, "7 500000 "+another.key.Public()+" "+string(testCommitment))
		}
		if n := another.answers(bob, protocol.CmdError); n != 3 {
			t.Errorf("%d answers to fills at once", n)
		}
	})
}

// TestM9TakerChangesChannel: a taker may go on over another channel; the answer
// follows it there, signed for that channel.
func TestM9TakerChangesChannel(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		other := daemontest.NewPit("other", hostIDs["other"])
		w.pits["other"] = other
		maker := w.maker(bob)
		taker := w.puppet(alice)
		taker.begin(bob, 0)
		taker.pit = "other"
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker)
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
		synctest.Wait()
		lines := other.Lines()
		f := strings.Split(lines[len(lines)-1].Text, " ")
		if f[0] != "!ioauth" || f[3] != fakeSignature(fakeKey(bob), f[1]+hostIDs["other"]) {
			t.Fatalf("last line on the other channel: %.60q", lines[len(lines)-1].Text)
		}
		if _, err := taker.box.Open(f[1]); err != nil {
			t.Error(err)
		}
		if taker.answers(bob, protocol.CmdIOAuth) != 0 {
			t.Error("the coins were shown on both channels")
		}
	})
}
