package daemon

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// reveals has a maker that was sent auth show its coins.
func (c *client) reveals() {
	c.t.Helper()
	e := expect[control.AuthEvent](c)
	c.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
	synctest.Wait()
}

// TestM2MakersOfOneDaemon: a taker that commits once to three makers of a
// CoinJoin, which share a daemon, is served by all of them, although the first
// has shown its coins and the commitment was published before the others are
// filled. Another taker is served by none, and the same one by none of them twice.
func TestM2MakersOfOneDaemon(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		makers := map[protocol.Nick]*client{}
		for i := range 3 {
			makers[nick(i)] = w.maker(nick(i))
		}
		taker, thief := w.puppet(alice), w.puppet(mal)
		for i := range 3 {
			taker.begin(nick(i), 0)
			taker.say(nick(i), protocol.CmdAuth, taker.seal(testAuth))
			makers[nick(i)].reveals()
			taker.public("!hp2 " + commitment.Hex([32]byte{1}))
			if taker.answers(nick(i), protocol.CmdIOAuth) != 1 {
				t.Errorf("maker %d does not show its coins", i)
			}
			thief.fill(nick(2), 0)
			if n := thief.answers(nick(2), protocol.CmdError); n != i+1 {
				t.Errorf("another taker was refused %d times, want %d", n, i+1)
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(5 * time.Minute) // until those conversations are over
		for i, nick := range []protocol.Nick{nick(0), nick(1), nick(2)} {
			if e := expect[control.EndedEvent](makers[nick]); e.Taker != alice {
				t.Errorf("%+v", e)
			}
			taker.fill(nick, 0)
			if n := taker.answers(nick, protocol.CmdPubKey); n != 1 {
				t.Errorf("maker %d took one commitment %d times", i, n)
			}
		}
		late := w.maker(nick(3)) // who comes when the CoinJoin is over
		taker.fill(nick(3), 0)
		if taker.answers(nick(3), protocol.CmdError) != 1 {
			t.Error("a commitment serves for ever")
		}
		late.quiet()
		if thief.answers(nick(2), protocol.CmdPubKey) != 0 {
			t.Error("another taker was served")
		}
	})
}

// TestM2SlowDiskHoldsNobodyUp: while a commitment is on its way to the disk, only
// the coins that it opens wait.
func TestM2SlowDiskHoldsNobodyUp(t *testing.T) {
	disk := durabletest.NewStalled()
	file := filepath.Join(t.TempDir(), "commitmentlist")
	inWorld(t, Config{Commitments: file, Files: disk}, func(t *testing.T, w *world) {
		disk.Go = make(chan struct{}) // of the bubble
		maker := w.maker(bob)
		taker, other := w.puppet(alice), w.puppet(carol)
		taker.begin(bob, 0)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker)
		show := control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}
		answered := make(chan error, 1)
		go func() { answered <- maker.call(control.MethodIOAuth, show, nil) }()
		synctest.Wait()
		if err := maker.call(control.MethodIOAuth, show, nil); err == nil {
			t.Error("the coins may be shown twice")
		}
		other.begin(bob, 1)
		other.say(bob, protocol.CmdAuth, other.seal(testAuth))
		expect[control.AuthEvent](maker)
		other.public("!hp2 " + commitment.Hex([32]byte{9}))
		other.public("!orderbook")
		if other.answers(bob, protocol.Command(protocol.SW0RelOffer)) != 1 {
			t.Error("orderbook is not answered")
		}
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		if taker.answers(bob, protocol.CmdIOAuth) != 0 || len(answered) != 0 {
			t.Fatal("the coins are shown before the commitment is on the disk")
		}
		close(disk.Go)
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		if taker.answers(bob, protocol.CmdIOAuth) != 1 {
			t.Error("the coins are not shown")
		}
		maker.quiet() // the tx came out of order
	})
}

// TestM2DiskThatDoesNotComeBack: a conversation whose commitment does not reach
// the disk ends by its deadline, and shows no coins afterwards.
func TestM2DiskThatDoesNotComeBack(t *testing.T) {
	disk := durabletest.NewStalled()
	file := filepath.Join(t.TempDir(), "commitmentlist")
	inWorld(t, Config{Commitments: file, Files: disk}, func(t *testing.T, w *world) {
		disk.Go = make(chan struct{})
		maker, taker := w.maker(bob), w.puppet(alice)
		taker.begin(bob, 0)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e, start := expect[control.AuthEvent](maker), time.Now()
		answered := make(chan error, 1)
		go func() {
			answered <- maker.call(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
		}()
		ended(t, maker, e.Conversation, protocol.ReasonClientTimeout, start, time.Minute)
		thief := w.puppet(mal)
		thief.fill(bob, 0) // it may be on the disk, or get there
		if thief.answers(bob, protocol.CmdError) != 1 {
			t.Error("a commitment on its way to the disk is free")
		}
		close(disk.Go)
		if err := <-answered; err == nil {
			t.Error("the client is told that its coins were shown")
		}
		if taker.answers(bob, protocol.CmdIOAuth) != 0 {
			t.Error("coins are shown in a conversation that is over")
		}
	})
}

// TestM2SlowDiskAndResume: a client that comes back while its commitment is on
// the way to the disk sends the command again, and both are one.
func TestM2SlowDiskAndResume(t *testing.T) {
	disk := durabletest.NewStalled()
	file := filepath.Join(t.TempDir(), "commitmentlist")
	inWorld(t, Config{Commitments: file, Files: disk}, func(t *testing.T, w *world) {
		disk.Go = make(chan struct{})
		maker, taker := w.returner(control.RoleMaker, bob), w.puppet(alice)
		taker.begin(bob, 0)
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		e := expect[control.AuthEvent](maker.client)
		show := func(c *client) chan error {
			answered := make(chan error, 1)
			go func() {
				answered <- c.conn.CallAs(t.Context(), 1000, control.MethodIOAuth,
					control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
			}()
			synctest.Wait()
			return answered
		}
		before := show(maker.client)
		maker.cut()
		if err := <-before; err == nil {
			t.Error("answered over a broken connection")
		}
		maker.back()
		after := show(maker.client)
		close(disk.Go)
		if err := <-after; err != nil {
			t.Error(err)
		}
		if err := <-show(maker.client); err != nil { // and once more
			t.Error(err)
		}
		if n := taker.answers(bob, protocol.CmdIOAuth); n != 1 {
			t.Errorf("the coins are shown %d times", n)
		}
	})
}
