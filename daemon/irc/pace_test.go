package irc

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestComplaintsSlowDown: each way in which a server shows that it finds us too
// fast makes us twice as slow, up to a bound, and a calm time brings the
// configured pace back, never a faster one.
func TestComplaintsSlowDown(t *testing.T) {
	for name, line := range map[string]string{
		"439":    ":srv.example 439 " + string(ourNick) + " " + string(otherNick) + " :Target change too fast. Please wait 20 seconds.",
		"263":    ":srv.example 263 " + string(ourNick) + " PRIVMSG :This command could not be completed because it has been used recently",
		"notice": ":srv.example NOTICE " + string(ourNick) + " :*** Message flood detected",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, p := startUp(t, nil)
				p.hears()
				for i, want := range []time.Duration{2600, 5200, 10_000, 10_000} {
					p.say(line)
					synctest.Wait()
					s := h.ch.Status()
					if s.Interval != want*time.Millisecond || s.Complaints != uint64(i+1) {
						t.Fatalf("interval %v after %d complaints", s.Interval, s.Complaints)
					}
				}
				last := 10 * time.Second
				for range 6 {
					time.Sleep(calmAfter) // a bubble's time
					now := h.ch.pace.now()
					if now >= last && last > control.DefaultLineInterval {
						t.Errorf("still %v", now)
					}
					last = now
				}
				if last != control.DefaultLineInterval {
					t.Errorf("after the calm: %v", last)
				}
				h.stop()
			})
		})
	}
}

// TestStrangersCannotSlowUs: only the server itself may complain.
func TestStrangersCannotSlowUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		for _, line := range []string{
			from(otherNick, "NOTICE "+string(ourNick)+" :you flood, slow down"),
			":" + string(otherNick) + " NOTICE " + string(ourNick) + " :too fast",
			from(otherNick, "PRIVMSG "+string(ourNick)+" :flood ~"),
			":services.example NOTICE " + string(ourNick) + " :throttled",
			":srv.example NOTICE " + string(ourNick) + " :welcome",
		} {
			p.say(line)
		}
		synctest.Wait()
		if s := h.ch.Status(); s.Interval != control.DefaultLineInterval || s.Complaints != 0 {
			t.Errorf("interval %v, %d complaints", s.Interval, s.Complaints)
		}
		h.stop()
	})
}

// TestGreetingIsNoComplaint: some servers ask for patience with the reply that
// others complain with.
func TestGreetingIsNoComplaint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, nil)
		p := h.accept()
		p.say(":srv.example 439 * :Please wait while we process your connection.", ":srv.example NOTICE * :*** Checking for flood bots")
		p.welcome(h)
		if s := h.ch.Status(); s.Interval != control.DefaultLineInterval || s.Complaints != 0 {
			t.Errorf("interval %v, %d complaints", s.Interval, s.Complaints)
		}
		h.stop()
	})
}

// TestFloodedIsRemembered: a pace for which a server ended the connection is not
// gone back to, whatever time passes; the lines really leave that slowly.
func TestFloodedIsRemembered(t *testing.T) {
	for _, text := range []string{"Excess Flood", "RecvQ exceeded", "Flooding"} {
		synctest.Test(t, func(t *testing.T) {
			h, p := startUp(t, nil)
			p.say("ERROR :Closing Link: host (" + text + ")")
			if e := h.wantState(control.ChannelLost); e.Code != "flood" {
				t.Errorf("%s: %s", e.Code, e.Reason)
			}
			p = h.accept()
			p.want("NICK "+string(ourNick), "USER "+string(ourNick)+" foo bar :None")
			p.say(":srv.example 001 " + string(ourNick) + " :Welcome")
			p.want("JOIN #joinmarket-pit")
			p.say(from(ourNick, "JOIN #joinmarket-pit"))
			p.want("MODE " + string(ourNick) + " +B")
			h.wantState(control.ChannelUp)
			if got := h.ch.pace.now(); got != 2*control.DefaultLineInterval {
				t.Errorf("interval %v after the flood", got)
			}
			for range 20 {
				p.want("PING srv.example")
				p.say(":srv.example PONG srv.example :srv.example")
			}
			const floor = control.DefaultLineInterval * 5 / 4
			if got := h.ch.pace.now(); got != floor {
				t.Errorf("interval %v, long after the flood", got)
			}
			for range 3 {
				if err := h.ch.SendPublic([]string{"!cancel 0"}); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			for range 3 {
				p.want("PRIVMSG #joinmarket-pit :!cancel 0")
			}
			if took := time.Since(began); took != 2*floor {
				t.Errorf("three lines took %v", took)
			}
			if s := h.ch.Status(); s.Throttled < 2 {
				t.Errorf("%d lines had to wait", s.Throttled)
			}
			h.stop()
		})
	}
}

// TestLateAnswerIsAComplaint: a server that takes long for a PING has many of
// our lines before it.
func TestLateAnswerIsAComplaint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		for _, c := range []struct{ late, want time.Duration }{
			{lateAfter, control.DefaultLineInterval},
			{lateAfter + time.Second, 2 * control.DefaultLineInterval},
		} {
			p.want("PING srv.example")
			time.Sleep(c.late) // a bubble's time
			p.say(":srv.example PONG srv.example :srv.example", ":srv.example PONG srv.example :again")
			synctest.Wait()
			if got := h.ch.pace.now(); got != c.want {
				t.Errorf("interval %v after an answer that took %v", got, c.late)
			}
		}
		h.stop()
	})
}

// TestPaceWithoutInterval: one that is configured to wait for nothing learns as
// well.
func TestPaceWithoutInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(-1)
		if p.now() != 0 {
			t.Errorf("begins with %v", p.now())
		}
		p.complaint()
		if p.now() != firstInterval {
			t.Errorf("%v after a complaint", p.now())
		}
		p.flooded()
		if p.now() != 2*firstInterval {
			t.Errorf("%v after a flood", p.now())
		}
		time.Sleep(time.Hour) // a bubble's time
		if p.now() != firstInterval*5/4 {
			t.Errorf("%v in the end", p.now())
		}
		for range 50 {
			p.flooded()
		}
		if p.now() > maxInterval {
			t.Errorf("%v at worst", p.now())
		}
	})
}

// TestSlowPaceStaysAsConfigured: complaints do not make a pace faster that is
// slower than the slowest we would choose.
func TestSlowPaceStaysAsConfigured(t *testing.T) {
	p := newPace(30 * time.Second)
	p.complaint()
	p.flooded()
	if p.now() < 30*time.Second {
		t.Errorf("%v", p.now())
	}
}

// TestServerErrors: what servers say when they end a connection, as they say it.
func TestServerErrors(t *testing.T) {
	for text, want := range map[string]Cause{
		"Closing Link: J5x[host] (Excess Flood)":                             CauseFlood,
		"Closing link: (J5x@host) [RecvQ exceeded]":                          CauseFlood,
		"Closing link: (J5x@host) [K-lined: spam]":                           CauseBanned,
		"Closing link: (J5x@host) [G-Lined: flooding]":                       CauseBanned,
		"Closing link: (unknown@host) [Z-Lined: x]":                          CauseBanned,
		"You are banned from this server":                                    CauseBanned,
		"Closing Link: host (Banned)":                                        CauseBanned,
		"Closing Link: host (Killed (oper (flooding)))":                      CauseKilled,
		"Closing Link: host (Throttled: Reconnecting too fast)":              CauseTooFast,
		"Trying to reconnect too fast.":                                      CauseTooFast,
		"Closing link: (unknown@host) [Too many connections from your host]": CauseTooFast,
		"Closing Link: host (No more connections allowed from your host)":    CauseTooFast,
		"Bad password": CauseAuth,
		"Closing link: (unknown@host) [Access denied by configuration]": CauseAuth,
		"Closing Link: host (Ping timeout: 180 seconds)":                CauseServer,
		"Server going down":       CauseServer,
		"":                        CauseServer,
		strings.Repeat("x", 1000): CauseServer,
	} {
		if got := causeOf(serverError(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestLastWords: the reason that a server gave before it closed the connection is
// found although we notice by a line that it does not take any more.
func TestLastWords(t *testing.T) {
	l := inPhase(t, up, false)
	in, unread := make(chan *irc.Message, 2), make(chan error, 1)
	ours := errors.New("writing: broken pipe")
	in <- irc.MustParseMessage("NOTICE x :bye")
	in <- irc.MustParseMessage("ERROR :Closing link: [Excess Flood]")
	if err := l.lastWords(in, unread, ours); causeOf(err) != CauseFlood {
		t.Errorf("ended by %v", err)
	}
	unread <- io.EOF
	if err := l.lastWords(in, unread, ours); err != ours {
		t.Errorf("ended by %v", err)
	}
	if err := l.lastWords(in, nil, os.ErrDeadlineExceeded); err != os.ErrDeadlineExceeded {
		t.Errorf("ended by %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		if err := l.lastWords(nil, nil, ours); err != ours { // nothing comes
			t.Errorf("ended by %v", err)
		}
	})
}

// TestChannelTellsItsPace: what was learnt is what others count on.
func TestChannelTellsItsPace(t *testing.T) {
	c := New(Config{})
	if got := c.LineInterval(); got != control.DefaultLineInterval {
		t.Errorf("%v at first", got)
	}
	c.pace.complaint()
	if got := c.LineInterval(); got != 2*control.DefaultLineInterval || got != c.Status().Interval {
		t.Errorf("%v after a complaint", got)
	}
}
