package irc

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestPing: one PING every 120 s from the welcome on, to the server's name, and
// answers keep the connection for ever.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		last := time.Now()
		for range 30 {
			p.want("PING srv.example")
			if took := time.Since(last); took != 120*time.Second {
				t.Fatalf("PING after %v", took)
			}
			last = time.Now()
			p.say(":srv.example PONG srv.example :srv.example")
		}
		h.wantNothing()
		h.stop()
	})
}

// TestDeadPeer: a server that says nothing for 300 s is left; so is one that
// never completes a line (attack N3).
func TestDeadPeer(t *testing.T) {
	for name, drip := range map[string]string{"silent": "", "N3 drip": "x"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, p := startUp(t, prompt)
				began := time.Now()
				heard := p.hears()
				stop := make(chan struct{})
				go func() {
					for drip != "" {
						select {
						case <-stop:
							return
						case <-time.After(10 * time.Second):
							p.conn.SetWriteDeadline(time.Now().Add(time.Second))
							p.conn.Write([]byte(drip))
						}
					}
				}()
				e := h.wantState(control.ChannelLost)
				if took := time.Since(began); took != deadAfter || e.Reason != "the server is silent" {
					t.Errorf("lost after %v: %q", took, e.Reason)
				}
				close(stop)
				pings := 0
				for range heard {
					pings++
				}
				if pings != 2 {
					t.Errorf("%d PINGs before", pings)
				}
				if err := h.ch.SendPublic([]string{"!orderbook"}); !errors.Is(err, channel.ErrDown) {
					t.Errorf("sending while lost: %v", err)
				}
				h.accept().welcome(h)
				h.stop()
			})
		})
	}
}

// TestPong: PING is answered with its last parameter.
func TestPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		for ping, pong := range map[string]string{
			"PING :irc.example": "PONG irc.example",
			"PING abc def":      "PONG def",
			"PING :a b":         "PONG :a b",
			"PING":              "PONG :",
		} {
			p.say(ping)
			p.want(pong)
		}
		// What would not be one line is not answered.
		p.say("PING :a\rQUIT", "PING :a\x00", "PING :"+strings.Repeat("x", 600), "PING end")
		p.want("PONG end")
		h.stop()
	})
}

// TestPingFlood: a server that asks and does not listen costs a bounded queue.
func TestPingFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		for range 1000 {
			p.say("PING flood")
		}
		synctest.Wait()
		pongs := 0
		for heard := p.hears(); ; pongs++ {
			synctest.Wait()
			if len(heard) == 0 {
				break
			}
			<-heard
		}
		if pongs < maxQueuedUrgent || pongs > maxQueuedUrgent+2 {
			t.Errorf("%d answers were kept", pongs)
		}
		h.stop()
	})
}

// TestStalledServer: a server that does not read is left.
func TestStalledServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := startUp(t, prompt)
		if err := h.ch.SendPublic([]string{"!orderbook"}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		e := h.wantState(control.ChannelLost)
		if took := time.Since(began); took != writeTimeout || !strings.HasPrefix(e.Reason, "writing") {
			t.Errorf("lost after %v: %q", took, e.Reason)
		}
		h.stop()
	})
}

// TestN12Backoff: the waits between attempts double up to five minutes and are
// random around that.
func TestN12Backoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := make(chan time.Time, 100)
		h := start(t, func(cfg *Config) {
			cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
				attempts <- time.Now()
				return nil, errors.New("connection refused")
			}
		})
		mean := time.Second
		last := <-attempts
		seen := make(map[time.Duration]bool)
		for range 30 {
			e := h.wantState(control.ChannelConnecting)
			if e.Reason != "connecting to irc.example:6667: connection refused" {
				t.Fatalf("reason %q", e.Reason)
			}
			next := <-attempts
			wait := next.Sub(last)
			if wait < mean/2 || wait > mean*3/2 {
				t.Fatalf("wait of %v instead of about %v", wait, mean)
			}
			seen[wait] = true
			last, mean = next, min(2*mean, 5*time.Minute)
		}
		if len(seen) < 25 {
			t.Errorf("only %d different waits", len(seen))
		}
		h.stop()
	})
}

// TestBackoffReset: only a connection that lasted makes the next wait short.
func TestBackoffReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, prompt)
		reconnect := func(lasted time.Duration) (wait time.Duration) {
			p := h.accept()
			p.welcome(h)
			time.Sleep(lasted) // a bubble's time, which is the subject here
			p.conn.Close()
			h.wantState(control.ChannelLost)
			began := time.Now()
			p = h.accept()
			wait = time.Since(began)
			p.conn.Close()
			h.wantState(control.ChannelLost)
			return wait
		}
		for i := range 3 {
			// Each round has two failures.
			if mean := time.Second << (2 * i); reconnect(time.Second) < mean/2 {
				t.Errorf("round %d: short wait although the connections were short", i)
			}
		}
		if wait := reconnect(stableAfter - time.Second); wait < 32*time.Second {
			t.Errorf("wait of %v after too short a connection", wait)
		}
		if wait := reconnect(stableAfter); wait > 1500*time.Millisecond {
			t.Errorf("wait of %v after a stable connection", wait)
		}
		h.stop()
	})
}

// TestServerEnds: what ends a connection, and the reason that the user sees.
func TestServerEnds(t *testing.T) {
	nick := string(ourNick)
	for line, want := range map[string]string{
		"ERROR :Closing Link: \x1b[31mbye":               "server-error: the server ended the connection: Closing Link: ?[31mbye",
		":op KILL " + nick + " :go away":                 "killed: the server ended the connection: go away",
		from(ourNick, "NICK :Guest1"):                    "nick-changed: the server changed our nick to Guest1",
		":srv NOTICE x :" + strings.Repeat("x", maxLine): "protocol: " + errLongLine.Error(),
		":srv 465 " + nick + " :You are banned":          "banned: the server refuses us: You are banned",
	} {
		synctest.Test(t, func(t *testing.T) {
			h, p := startUp(t, prompt)
			// Of what happens to others nothing follows for us.
			p.say(":op KILL "+string(otherNick)+" :go away", "NOTICE x :ERROR :y")
			heard := p.hears()
			p.conn.SetWriteDeadline(time.Now().Add(time.Minute))
			p.conn.Write([]byte(line + "\r\n"))
			if e := h.wantState(control.ChannelLost); e.Code+": "+e.Reason != want {
				t.Errorf("%s: %s, want %s", e.Code, e.Reason, want)
			}
			for range heard {
			}
			h.accept().welcome(h)
			h.stop()
		})
	}
}

// TestDialTimeout: a server that does not answer is given up, and the end of
// the context does not wait for it.
func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, nil)
		began := time.Now()
		h.wantState(control.ChannelConnecting)
		if took := time.Since(began); took != dialTimeout {
			t.Errorf("gave up after %v", took)
		}
		h.stop()
	})
}
