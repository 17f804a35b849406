package daemon

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// returner is a client that can come back: its connection changes, what it
// knows of the session stays.
type returner struct {
	*client
	token  control.Credential
	before uint64 // events of earlier connections
}

func (w *world) returner(role control.Role, n protocol.Nick) *returner {
	w.t.Helper()
	c := &returner{client: w.call(n)}
	var a control.StartAnswer
	c.do(control.MethodStart, control.StartRequest{Role: role, Nick: n, Network: "regtest"}, &a)
	if a.Token == "" || a.Grace != w.d.cfg.Grace {
		w.t.Fatalf("started with %+v", a)
	}
	c.token = a.Token
	expect[control.ReadyEvent](c.client)
	if role == control.RoleMaker {
		c.do(control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{offer(0)}}, nil)
		synctest.Wait()
	}
	return c
}

// call says hello as one that can come back.
func (w *world) call(n protocol.Nick) *client {
	w.t.Helper()
	return w.connectTo(n, func(nc net.Conn) error {
		err := w.d.Serve(context.Background(), nc)
		for _, expected := range []error{control.ErrTimeout, control.ErrSlow, control.ErrResume} {
			if errors.Is(err, expected) {
				return nil
			}
		}
		return err
	}, control.FeatureResume)
}

// cut breaks the connection.
func (c *returner) cut() {
	c.nc.Close()
	<-c.done
	synctest.Wait()
}

// back comes back on a new connection.
func (c *returner) back() control.ResumeAnswer {
	c.t.Helper()
	next := c.w.call(c.nick)
	next.signer, next.bond = c.signer, c.bond
	c.before += c.heard.Load()
	var a control.ResumeAnswer
	if err := next.call(control.MethodResume, control.ResumeRequest{Token: c.token, Events: c.before}, &a); err != nil {
		c.t.Fatalf("%s: %v", c.nick, err)
	}
	synctest.Wait()
	c.client, c.token = next, a.Token
	c.before += a.Missed
	return a
}

// resume tries a token on a new connection.
func (w *world) resume(token control.Credential) error {
	return w.call(mal).call(control.MethodResume, control.ResumeRequest{Token: token}, nil)
}

// TestClientReturns: a maker that is away for a while loses nothing. What a
// taker says meanwhile waits for it, and is told once.
func TestClientReturns(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, taker := w.returner(control.RoleMaker, bob), w.puppet(alice)
		maker.cut()
		taker.say(bob, protocol.CmdFill, taker.fillText(1)) // waits for the verdict
		time.Sleep(50 * time.Second)
		if got := w.pit().Nicks(); !slices.Contains(got, bob) {
			t.Fatalf("on the pit: %v", got)
		}
		if got := w.said(bob, alice, protocol.CmdPubKey); len(got) != 0 {
			t.Fatalf("answered without a signature: %v", got)
		}
		a := maker.back()
		if a.Nick != bob || a.Role != control.RoleMaker || !a.Ready || a.Missed != 0 || len(a.Channels) != 1 || a.Channels[0].State != control.ChannelUp {
			t.Errorf("%+v", a)
		}
		synctest.Wait()
		keys := taker.heard(bob, protocol.CmdPubKey)
		if len(keys) != 1 {
			t.Fatalf("keys %v", keys)
		}
		taker.meet(keys[0])
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker.client)
		maker.cut()
		a = maker.back()
		if len(a.Conversations) != 1 || a.Conversations[0] != (control.ConversationState{Conversation: e.Conversation, Nick: alice, State: "maker:authed"}) {
			t.Errorf("conversations %+v", a.Conversations)
		}
		maker.quiet() // told once
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
		maker.cut()
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		maker.back()
		if tx := expect[control.TxEvent](maker.client); tx.Conversation != e.Conversation {
			t.Errorf("%+v", tx)
		}
		maker.do(control.MethodSigs, control.SigsRequest{Conversation: e.Conversation, Sigs: []string{testSig}}, nil)
		synctest.Wait()
		if got := taker.heard(bob, protocol.CmdSig); len(got) != 1 {
			t.Errorf("%d signatures", len(got))
		}
	})
}

// TestMissedEventsAreToldAgain: events that left for a connection that was
// already broken come on the next one, in order.
func TestMissedEventsAreToldAgain(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c, other := w.returner(control.RoleMaker, bob), w.puppet(alice)
		for _, text := range []string{"one", "two", "three"} {
			other.say(bob, protocol.CmdError, text)
		}
		c.cut()
		c.heard.Store(0) // as if none had arrived
		c.back()
		expect[control.ReadyEvent](c.client)
		for _, text := range []string{"one", "two", "three"} {
			if e := expect[control.ErrorEvent](c.client); e.Text != text {
				t.Errorf("%s, want %s", e.Text, text)
			}
		}
		c.quiet()
	})
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		_, s := w.inside(bob)
		s.endpoint.lasting, s.endpoint.conn = true, nil
		tell := func(n int) {
			for range n {
				if err := s.endpoint.tell(control.EventError, control.ErrorEvent{Nick: alice, Text: strings.Repeat("x", 200)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		tell(maxKept + 7)
		next := w.call(carol)
		for _, c := range []struct{ events, missed uint64 }{{0, 7}, {3, 4}, {7, 0}, {maxKept + 7, 0}} {
			if missed, err := s.endpoint.meet(next.conn, c.events); err != nil || missed != c.missed {
				t.Errorf("%d events came: %d missed, %v", c.events, missed, err)
			}
		}
		if _, err := s.endpoint.meet(next.conn, maxKept+8); !errors.Is(err, control.ErrBadRequest) {
			t.Errorf("more events than were told: %v", err)
		}
		s.endpoint.part(next.conn)
		for range 20 {
			if err := s.endpoint.tell(control.EventPush, control.PushEvent{Taker: alice, Tx: make([]byte, protocol.MaxPush)}); err != nil {
				t.Fatal(err)
			}
		}
		if s.endpoint.bytes > maxKeptBytes || len(s.endpoint.kept) >= 20 {
			t.Errorf("%d events of %d bytes are kept", len(s.endpoint.kept), s.endpoint.bytes)
		}
	})
}

func TestGraceTime(t *testing.T) {
	inWorld(t, Config{Grace: 30 * time.Second}, func(t *testing.T, w *world) {
		c := w.returner(control.RoleMaker, bob)
		c.cut()
		time.Sleep(30*time.Second - 1)
		synctest.Wait()
		if got := w.pit().Nicks(); len(got) != 1 {
			t.Fatalf("on the pit just before the end: %v", got)
		}
		if n := w.d.connected(); n != 1 {
			t.Errorf("%d clients count", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := w.pit().Nicks(); len(got) != 0 {
			t.Errorf("on the pit after the end: %v", got)
		}
		if n := w.d.connected(); n != 0 {
			t.Errorf("%d clients count after the end", n)
		}
		if err := w.resume(c.token); !errors.Is(err, control.ErrResume) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestGraceBeginsAnew: each absence has the whole time.
func TestGraceBeginsAnew(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.returner(control.RoleTaker, alice)
		for range 4 {
			c.cut()
			time.Sleep(59 * time.Second)
			c.back()
		}
		time.Sleep(time.Hour) // and there is none while it is here
		if c.status().Nick != alice {
			t.Error("another session")
		}
	})
}

func TestLeave(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.returner(control.RoleMaker, bob)
		c.do(control.MethodLeave, nil, nil)
		synctest.Wait()
		if got := w.pit().Nicks(); len(got) != 0 || w.d.connected() != 0 {
			t.Errorf("on the pit: %v, %d clients", got, w.d.connected())
		}
		if err := w.resume(c.token); !errors.Is(err, control.ErrResume) {
			t.Errorf("after leave: %v", err)
		}
		<-c.done // the daemon closes what the client does not
	})
}

// TestTokens: all tokens that open nothing are answered alike.
func TestTokens(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.returner(control.RoleMaker, bob)
		used := c.token
		c.cut()
		c.back()
		c.cut() // as if the answer had been lost
		shown := c.token
		c.token = used
		c.back()
		if err := w.resume(shown); !errors.Is(err, control.ErrResume) {
			t.Errorf("the token that was lost: %v", err)
		}
		c.status()
		if used == c.token {
			t.Fatal("a token is given twice")
		}
		wrong := control.Credential(strings.Repeat("0", 64))
		guesser := w.call(mal)
		var texts []string
		for _, token := range []control.Credential{wrong, used} {
			err := guesser.call(control.MethodResume, control.ResumeRequest{Token: token}, nil)
			if !errors.Is(err, control.ErrResume) {
				t.Errorf("%v", err)
			}
			texts = append(texts, err.Error())
		}
		if texts[0] != texts[1] {
			t.Errorf("wrong: %s; used: %s", texts[0], texts[1])
		}
		if err := guesser.call(control.MethodResume, control.ResumeRequest{Token: wrong[:3]}, nil); !errors.Is(err, control.ErrBadRequest) {
			t.Errorf("no token: %v", err)
		}
		guesser.call(control.MethodResume, control.ResumeRequest{Token: wrong}, nil)
		<-guesser.done // the third is the last
		if c.status().Nick != bob {
			t.Error("the session is gone")
		}
		if err := c.call(control.MethodResume, control.ResumeRequest{Token: c.token}, nil); !errors.Is(err, control.ErrState) {
			t.Errorf("resumed twice on one connection: %v", err)
		}
		for range guessRate.Burst { // and beyond a rate, the first is the last
			w.resume(wrong)
		}
		late := w.call(mal)
		late.call(control.MethodResume, control.ResumeRequest{Token: wrong}, nil)
		<-late.done
		c.cut()
		c.back() // guesses do not keep the client out
	})
}

// TestStartAfterWrongToken: who comes too late can begin anew at once.
func TestStartAfterWrongToken(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.call(bob)
		if err := c.call(control.MethodResume, control.ResumeRequest{Token: control.Credential(strings.Repeat("0", 64))}, nil); !errors.Is(err, control.ErrResume) {
			t.Error(err)
		}
		c.enter(control.RoleMaker)
	})
}

// TestCommandsAreDoneOnce: a command that is sent again under its id on another
// connection gets the answer of the first time.
func TestCommandsAreDoneOnce(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.returner(control.RoleTaker, alice)
		w.puppet(bob).offers()
		fill := control.FillRequest{Amount: 500_000, Commitment: testCommitment, Makers: []control.MakerOffer{{Nick: bob}}}
		ask := func(id uint64) (a control.FillAnswer) {
			t.Helper()
			if err := c.conn.CallAs(context.Background(), id, control.MethodFill, fill, &a); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return a
		}
		first := ask(100)
		c.cut()
		c.back()
		if again := ask(100); again != first {
			t.Errorf("attempt %d, then %d", first.Attempt, again.Attempt)
		}
		if n := len(w.said(alice, bob, protocol.CmdFill)); n != 1 {
			t.Errorf("%d fills were sent", n)
		}
		fill.Amount++ // not the same command
		if next := ask(100); next.Attempt != first.Attempt+1 {
			t.Errorf("another fill is attempt %d", next.Attempt)
		}
	})
}

// TestNewConnectionWins: the old one may be dead without anybody having noticed.
func TestNewConnectionWins(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.returner(control.RoleMaker, bob)
		old := c.client
		c.back()
		<-old.done
		if err := old.conn.Err(); !errors.Is(err, control.ErrClosed) || !strings.Contains(err.Error(), "another") {
			t.Errorf("the old connection ended with %v", err)
		}
		if c.status().Nick != bob || w.d.connected() != 1 {
			t.Errorf("%d clients", w.d.connected())
		}
	})
}

// TestDeadClient: a client that is gone without an end of its connection is
// noticed by its silence, and no message is lost.
func TestDeadClient(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c, taker := w.returner(control.RoleMaker, bob), w.puppet(alice)
		c.mute = make(chan struct{})
		old := c.client
		taker.say(bob, protocol.CmdFill, taker.fillText(1))
		time.Sleep(questionWait)
		synctest.Wait()
		if err := old.conn.Err(); !errors.Is(err, control.ErrTimeout) {
			t.Fatalf("the connection: %v", err)
		}
		<-old.done
		c.back()
		synctest.Wait()
		if n := len(taker.heard(bob, protocol.CmdPubKey)); n != 1 {
			t.Errorf("%d answers", n)
		}
	})
}

// TestSlowClient: a client that reads nothing is cut off, its session waits, and
// it is told what it missed.
func TestSlowClient(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.returner(control.RoleMaker, bob)
		for len(c.events) > 0 {
			<-c.events
		}
		c.stuck = make(chan struct{})
		old := c.client
		for range 3 {
			w.pit().Break()
			w.pit().Mend()
		}
		time.Sleep(control.StallTimeout)
		synctest.Wait()
		if s, e := w.pit().Nicks(), w.d.connected(); len(s) != 1 || e != 1 {
			t.Errorf("on the pit %v, %d clients", s, e)
		}
		close(c.stuck)
		<-old.done
		if err := old.conn.Err(); err == nil {
			t.Error("the connection goes on")
		}
		c.back()
		synctest.Wait()
		var states []control.ChannelState
		for _, events := range []chan any{old.events, c.events} {
			for len(events) > 0 {
				states = append(states, (<-events).(control.ChannelEvent).State)
			}
		}
		want := slices.Repeat([]control.ChannelState{control.ChannelLost, control.ChannelUp}, 3)
		if !slices.Equal(states, want) {
			t.Errorf("told %v, want %v", states, want)
		}
	})
}

// TestClientWithoutResume is served as ever: its session ends with its
// connection.
func TestClientWithoutResume(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.connect(bob)
		var a control.StartAnswer
		c.do(control.MethodStart, control.StartRequest{Role: control.RoleMaker, Nick: bob, Network: "regtest"}, &a)
		if a.Token != "" || a.Grace != 0 {
			t.Errorf("%+v", a)
		}
		c.nc.Close()
		<-c.done
		if got := w.pit().Nicks(); len(got) != 0 || w.d.connected() != 0 {
			t.Errorf("on the pit: %v", got)
		}
	})
}

// TestWaitingClientsHavePlaces: sessions that wait count, and their clients get
// in although there is no place for others.
func TestWaitingClientsHavePlaces(t *testing.T) {
	inWorld(t, Config{Bounds: Bounds{Clients: 2}}, func(t *testing.T, w *world) {
		a, b := w.returner(control.RoleTaker, alice), w.returner(control.RoleMaker, bob)
		a.cut()
		b.cut()
		ours, theirs := net.Pipe()
		go w.d.Serve(context.Background(), theirs)
		if _, err := control.Connect(context.Background(), ours, control.Config{}); !errors.Is(err, control.ErrLimit) {
			t.Errorf("a third client: %v", err)
		}
		guest := w.call(carol)
		if err := guest.call(control.MethodStart, control.StartRequest{Role: control.RoleTaker, Nick: carol, Network: "regtest"}, nil); !errors.Is(err, control.ErrLimit) {
			t.Errorf("a third session: %v", err)
		}
		a.back()
		b.back()
		if n := w.d.connected(); n != 3 {
			t.Errorf("%d clients, with the guest", n)
		}
		guest.nc.Close()
		<-guest.done
		if n := w.d.connected(); n != 2 {
			t.Errorf("%d clients", n)
		}
	})
}

// TestTenClients: ten clients that all lose their connections come back to
// their own sessions.
func TestTenClients(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		var all []*returner
		for i := range 10 {
			all = append(all, w.returner(control.RoleMaker, nick(i)))
		}
		for _, c := range all {
			c.cut()
		}
		for _, c := range all {
			if a := c.back(); a.Nick != c.nick {
				t.Errorf("%s came back as %s", c.nick, a.Nick)
			}
		}
		if len(w.pit().Nicks()) != 10 || w.d.connected() != 10 {
			t.Errorf("%d nicks, %d clients", len(w.pit().Nicks()), w.d.connected())
		}
	})
}

// TestCloseEndsWaitingSessions: a daemon that stops waits for nobody.
func TestCloseEndsWaitingSessions(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		w.returner(control.RoleMaker, bob).cut()
		start := time.Now()
		if err := w.d.Close(); err != nil || time.Since(start) > time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if got := w.pit().Nicks(); len(got) != 0 {
			t.Errorf("on the pit: %v", got)
		}
	})
}

func TestGraceIsBounded(t *testing.T) {
	for _, grace := range []time.Duration{-1, control.MaxGrace + 1} {
		if _, err := New(Config{NewChannel: newWorld(t, Config{}).d.cfg.NewChannel, Grace: grace}); err == nil {
			t.Errorf("a grace time of %v", grace)
		}
	}
}
