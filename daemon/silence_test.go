package daemon

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
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
		failed(t, taker, bob, protocol.ReasonTimeoutAuth, start, exchange.PaceLeast) // it was fast before
		quick.say(alice, protocol.CmdIOAuth, quick.seal(testIOAuth(1)))
		taker.quiet()

		// A stage can be given another time.
		taker.do(control.MethodFill, control.FillRequest{Amount: 1, Commitment: testCommitment,
			Makers: []control.MakerOffer{{Nick: bob}}, Deadline: 10 * time.Second}, nil)
		failed(t, taker, bob, protocol.ReasonTimeoutFill, time.Now(), 10*time.Second)
	})
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
		time.Sleep(exchange.PaceLeast - time.Second)
		maker.say(alice, protocol.CmdSig, maker.seal(line.Sig{Script: []byte("one")}))
		expect[control.SigEvent](taker)
		failed(t, taker, bob, protocol.ReasonTimeoutTx, start, exchange.PaceLeast)
	})
}

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

// TestT11DeadlinesFitThePeers: makers that were slow before get all the time
// that the client allows, up to what Tor may take.
func TestT11DeadlinesFitThePeers(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		maker := w.puppet(bob).offers()
		var a control.FillAnswer
		taker.do(control.MethodFill, control.FillRequest{Amount: 500_000, Commitment: testCommitment,
			Makers: []control.MakerOffer{{Nick: bob}}, Deadline: 110 * time.Second}, &a)
		time.Sleep(29 * time.Second)
		maker.accept(alice)
		expect[control.PubKeyEvent](taker)
		taker.auth(a.Attempt, bob)
		time.Sleep(100 * time.Second)
		maker.say(alice, protocol.CmdIOAuth, maker.seal(testIOAuth(1)))
		expect[control.IOAuthEvent](taker)
		taker.tx(a.Attempt, bob)
		failed(t, taker, bob, protocol.ReasonTimeoutTx, time.Now(), 110*time.Second)
	})
}

// TestT11TorAndFastMarkets: with nothing said of time, makers of which each needs
// up to 100 s for every answer all finish, and where nine of ten answer in a
// second the tenth is given up after half a minute in whatever it owes.
func TestT11TorAndFastMarkets(t *testing.T) {
	const fast, never = time.Second, time.Hour
	tor := []time.Duration{70 * time.Second, 85 * time.Second, 100 * time.Second}
	quick := []time.Duration{fast, fast, fast, fast, fast, fast, fast, fast, fast, never}
	for name, c := range map[string]struct {
		takes  []time.Duration // of each maker, for its answer
		silent protocol.Command
		lasts  time.Duration // the stage in which makers are silent
	}{
		"Tor":                           {tor, "", 0},
		"fast, silent at fill":          {quick, protocol.CmdPubKey, exchange.PaceLeast},
		"fast, silent at auth":          {quick, protocol.CmdIOAuth, exchange.PaceLeast},
		"fast, silent at tx":            {quick, protocol.CmdSig, exchange.PaceLeast},
		"all silent, as far as we know": {[]time.Duration{never, never}, protocol.CmdPubKey, control.DefaultDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				taker := w.enter(control.RoleTaker, alice)
				var makers []*puppet
				var nicks []protocol.Nick
				for i := range c.takes {
					makers = append(makers, w.puppet(nick(i)).offers())
					nicks = append(nicks, nick(i))
				}
				attempt := taker.fill(nicks...)
				synctest.Wait()
				// stage has all makers answer a command, each in its time, and
				// waits until all have or were given up.
				stage := func(command protocol.Command, answer func(p *puppet)) {
					start := time.Now()
					for i, p := range makers {
						after := c.takes[i]
						if after == never && command != c.silent {
							after = fast
						}
						if after != never {
							time.Sleep(time.Until(start.Add(after)))
							answer(p)
						}
					}
					for range makers {
						e, failed := expect[any](taker).(control.FailedEvent)
						if failed && (command != c.silent || time.Since(start) != c.lasts) {
							t.Errorf("%s: %+v after %v", command, e, time.Since(start))
						}
					}
				}
				stage(protocol.CmdPubKey, func(p *puppet) {
					p.meet(p.heard(alice, protocol.CmdFill)[2])
					p.say(alice, protocol.CmdPubKey, p.key.Public())
				})
				if c.silent == protocol.CmdPubKey {
					return
				}
				taker.auth(attempt, nicks...)
				stage(protocol.CmdIOAuth, func(p *puppet) { p.say(alice, protocol.CmdIOAuth, p.seal(testIOAuth(1))) })
				if c.silent == protocol.CmdIOAuth {
					return
				}
				taker.tx(attempt, nicks...)
				stage(protocol.CmdSig, func(p *puppet) { p.say(alice, protocol.CmdSig, p.seal(line.Sig{Script: []byte("sig")})) })
			})
		})
	}
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
		if got := time.Since(start); got != control.DefaultDeadline+20*1300*time.Millisecond {
			t.Errorf("the first of 20 makers failed after %v", got)
		}
	})
}

// paced is a channel that has learnt a pace.
type paced struct {
	channel.Channel
	interval *atomic.Int64
}

func (p paced) LineInterval() time.Duration { return time.Duration(p.interval.Load()) }

// TestLearntPace: what a server has taught a channel counts from then on, for
// our own waits and for those of the client.
func TestLearntPace(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		var interval atomic.Int64
		join := w.d.cfg.NewChannel
		w.d.cfg.NewChannel = func(c control.ChannelConfig, n protocol.Nick, network string) (channel.Channel, error) {
			ch, err := join(c, n, network)
			return paced{ch, &interval}, err
		}
		taker := w.enter(control.RoleTaker, alice)
		w.puppet(bob).offers()
		for _, want := range []time.Duration{0, time.Second, 10 * time.Second} {
			interval.Store(int64(want))
			if got := taker.status().Channels[0].LineInterval; got != want {
				t.Errorf("the client is told %v, want %v", got, want)
			}
			taker.fill(bob)
			failed(t, taker, bob, protocol.ReasonTimeoutFill, time.Now(), control.DefaultDeadline+want)
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
