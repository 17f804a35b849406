package daemon

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

const stopWait = 8 * time.Second

// stop stops the daemon, and returns what is closed when it has.
func (w *world) stop() <-chan struct{} {
	stopped := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	go func() {
		defer cancel()
		w.d.Stop(ctx)
		close(stopped)
	}()
	synctest.Wait()
	return stopped
}

// toldOfStop checks that the client was told why its connection ended.
func (c *client) toldOfStop() {
	c.t.Helper()
	<-c.conn.Done()
	if err := c.conn.Err(); !errors.Is(err, control.ErrClosed) || err.Error() != "connection closed: the daemon stops" {
		c.t.Errorf("%s is told %v", c.nick, err)
	}
}

// revealed is a maker's conversation with a puppet, whose coins are open.
func revealed(maker *client, taker *puppet) (id uint64) {
	maker.t.Helper()
	taker.begin(maker.nick, 1)
	taker.say(maker.nick, protocol.CmdAuth, taker.seal(testAuth))
	id = expect[control.AuthEvent](maker).Conversation
	maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: id, IOAuth: coins(1)}, nil)
	synctest.Wait()
	return id
}

// TestStopAtOnce: where nothing is under way that is worth finishing, clients
// are told and the nicks leave without delay.
func TestStopAtOnce(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker, watcher, away := w.enter(control.RoleTaker, alice), w.enter(control.RoleWatcher, nick(1)), w.returner(control.RoleMaker, carol)
		maker := w.maker(bob)
		w.puppet(mal).offers()
		guest := w.connect(nick(2))
		attempt := taker.fill(mal)
		w.puppet(nick(3)).begin(bob, 7) // has no commitment opened either
		away.cut()
		began := time.Now()
		stopped := w.stop()
		if e := expect[control.FailedEvent](taker); e.Attempt != attempt || e.Maker != mal || e.Reason != protocol.ReasonDaemonStops {
			t.Errorf("%+v", e)
		}
		<-stopped
		if d := time.Since(began); d != 0 {
			t.Errorf("after %v", d)
		}
		if nicks := w.pit().Nicks(); len(nicks) > 1 { // the puppet is no member
			t.Errorf("on the pit: %v", nicks)
		}
		for _, c := range []*client{taker, watcher, maker} {
			c.toldOfStop()
		}
		maker.quiet() // it never knew of its conversation
		if err := guest.call(control.MethodStart, control.StartRequest{Role: control.RoleTaker, Nick: nick(2), Network: "regtest"}, nil); !errors.Is(err, control.ErrClosed) {
			t.Errorf("start: %v", err)
		}
		w.d.Close()
		guest.toldOfStop()
	})
}

// TestStopFinishes: a maker whose coins are open may still sign, and the session
// ends when it has.
func TestStopFinishes(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, taker := w.maker(bob), w.puppet(alice)
		id := revealed(maker, taker)
		late := w.puppet(nick(1))
		began := time.Now()
		stopped := w.stop()
		late.fill(bob, 9)
		late.public("!orderbook")
		if late.answers(bob, protocol.CmdPubKey) != 0 || late.answers(bob, protocol.Command("sw0reloffer")) != 0 {
			t.Error("a new taker is answered")
		}
		if err := maker.call(control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{offer(1)}}, nil); !errors.Is(err, control.ErrClosed) {
			t.Errorf("announce: %v", err)
		}
		time.Sleep(3 * time.Second)
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		expect[control.TxEvent](maker)
		maker.do(control.MethodSigs, control.SigsRequest{Conversation: id, Sigs: []string{testSig}}, nil)
		<-stopped
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("after %v", d)
		}
		if n := taker.answers(bob, protocol.CmdSig); n != 1 {
			t.Errorf("%d signatures", n)
		}
		maker.toldOfStop()
		maker.quiet()
	})
}

// TestStopLeavesTheTakerToPush: its session lasts until it leaves.
func TestStopLeavesTheTakerToPush(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		attempt := taker.fill(bob)
		maker.accept(alice)
		expect[control.PubKeyEvent](taker)
		taker.auth(attempt, bob)
		maker.say(alice, protocol.CmdIOAuth, maker.seal(testIOAuth(1)))
		expect[control.IOAuthEvent](taker)
		began := time.Now()
		stopped := w.stop()
		if err := taker.call(control.MethodFill, control.FillRequest{Amount: 500_000, Commitment: testCommitment, Makers: []control.MakerOffer{{Nick: bob}}}, nil); !errors.Is(err, control.ErrClosed) {
			t.Errorf("fill: %v", err)
		}
		if err := taker.call(control.MethodRefill, control.RefillRequest{Attempt: attempt, Makers: []control.MakerOffer{{Nick: carol}}}, nil); !errors.Is(err, control.ErrClosed) {
			t.Errorf("refill: %v", err)
		}
		taker.tx(attempt, bob)
		maker.say(alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("sig")}))
		expect[control.SigEvent](taker)
		time.Sleep(2 * time.Second)
		taker.do(control.MethodPush, control.PushRequest{Maker: bob, Tx: testTx}, nil)
		synctest.Wait()
		if n := len(w.said(alice, bob, protocol.CmdPush)); n != 1 {
			t.Errorf("%d pushes", n)
		}
		taker.do(control.MethodLeave, nil, nil)
		<-stopped
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("after %v", d)
		}
	})
}

// TestStopHasACeiling: who does not finish in time is told so.
func TestStopHasACeiling(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, taker := w.maker(bob), w.puppet(alice)
		id := revealed(maker, taker)
		other, silent := w.enter(control.RoleTaker, carol), w.puppet(mal).offers()
		attempt := other.fill(mal)
		silent.accept(carol)
		expect[control.PubKeyEvent](other)
		other.auth(attempt, mal)
		began := time.Now()
		stopped := w.stop()
		ended(t, maker, id, protocol.ReasonDaemonStops, began, stopWait)
		if e := expect[control.FailedEvent](other); e.Maker != mal || e.Reason != protocol.ReasonDaemonStops {
			t.Errorf("%+v", e)
		}
		<-stopped
		if d := time.Since(began); d != stopWait {
			t.Errorf("after %v", d)
		}
		maker.toldOfStop()
		other.toldOfStop()
	})
}

// slowPit is a channel whose lines take their time.
type slowPit struct {
	channel.Channel
	flushed chan struct{}
}

func (p slowPit) Flush(ctx context.Context) {
	select {
	case <-p.flushed:
	case <-ctx.Done():
	}
}

// TestStopWaitsForLines: what was said to a peer leaves before the nick does.
func TestStopWaitsForLines(t *testing.T) {
	for name, c := range map[string]struct{ leave, want time.Duration }{
		"in time":  {time.Second, time.Second},
		"too slow": {time.Minute, stopWait},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				flushed, join := make(chan struct{}), w.d.cfg.NewChannel
				w.d.cfg.NewChannel = func(cfg control.ChannelConfig, n protocol.Nick, network string) (channel.Channel, error) {
					ch, err := join(cfg, n, network)
					return slowPit{ch, flushed}, err
				}
				maker := w.maker(bob)
				began := time.Now()
				stopped := w.stop()
				time.AfterFunc(c.leave, func() { close(flushed) })
				<-stopped
				if d := time.Since(began); d != c.want {
					t.Errorf("after %v", d)
				}
				maker.toldOfStop()
			})
		})
	}
}

// TestStopWithoutItsClient: nobody can come back, so a session that waits for
// its client ends although a conversation is open.
func TestStopWithoutItsClient(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, gone := w.returner(control.RoleMaker, bob), w.returner(control.RoleMaker, carol)
		revealed(maker.client, w.puppet(alice))
		revealed2 := w.puppet(mal)
		revealed2.begin(carol, 5)
		revealed2.say(carol, protocol.CmdAuth, revealed2.seal(testAuth))
		maker.cut()
		began := time.Now()
		stopped := w.stop()
		gone.cut() // in mid-stop
		<-stopped
		if d := time.Since(began); d != 0 {
			t.Errorf("after %v", d)
		}
	})
}

// TestNobodyMeetsADaemonThatStops: not even over a connection that was there.
func TestNobodyMeetsADaemonThatStops(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		<-w.stop()
		ours, theirs := net.Pipe()
		defer ours.Close()
		served := make(chan error, 1)
		go func() { served <- w.d.Serve(context.Background(), theirs) }()
		if _, err := control.Connect(context.Background(), ours, control.Config{Software: "test"}); !errors.Is(err, control.ErrClosed) {
			t.Errorf("hello: %v", err)
		}
		if err := <-served; err != nil && !errors.Is(err, control.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}
