package irc

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// attempts is a network on which nothing answers: it tells what is dialled.
type attempts chan string

func (a attempts) dial(_ context.Context, _, address string) (net.Conn, error) {
	a <- address
	return nil, errors.New("connection refused")
}

// TestServersInTurn: while none answers they are tried one after the other, each
// with waits of its own.
func TestServersInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialled := make(attempts, 1000)
		h := start(t, func(cfg *Config) {
			cfg.Dial = dialled.dial
			cfg.Alternates = []string{"b.example:1", "c.example:2"}
		})
		all := []string{"irc.example:6667", "b.example:1", "c.example:2"}
		for _, want := range all {
			if got := <-dialled; got != want {
				t.Fatalf("dialled %s, want %s", got, want)
			}
			h.wantState(control.ChannelConnecting)
		}
		began := time.Now()
		count := make(map[string]int)
		for range 60 {
			count[<-dialled]++
			h.wantState(control.ChannelConnecting)
		}
		for _, address := range all {
			if n := count[address]; n < 15 || n > 25 {
				t.Errorf("%s was tried %d times of 60", address, n)
			}
		}
		// Sixty attempts at three servers, each soon every five minutes.
		if took := time.Since(began); took < 40*time.Minute {
			t.Errorf("60 attempts in %v", took)
		}
		h.stop()
	})
}

// TestOneServerRefusesUs: a ban on one server of a network, or a nick that it
// does not take, does not keep us from the others.
func TestOneServerRefusesUs(t *testing.T) {
	nick := string(ourNick)
	for line, code := range map[string]string{
		":a 465 " + nick + " :You are banned":     "banned",
		":a 432 " + nick + " :Erroneous nickname": "nick-refused",
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dialled := make(chan string, 100)
				h := start(t, func(cfg *Config) {
					prompt(cfg)
					cfg.Alternates = []string{"b.example:1"}
					dial := cfg.Dial
					cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						dialled <- address
						return dial(ctx, network, address)
					}
				})
				p := h.accept()
				p.want("NICK "+nick, "USER "+nick+" foo bar :None")
				began := time.Now()
				p.say(line)
				if e := h.wantState(control.ChannelConnecting); e.Code != code {
					t.Errorf("%s: %s", e.Code, e.Reason)
				}
				second := h.accept()
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("the second server was tried after %v", took)
				}
				second.welcome(h)
				if s := h.ch.Status(); s.Server != "b.example:1" || s.HostID != "testnet0" {
					t.Errorf("status %+v", s)
				}
				// While the second one works after each loss, the first is left alone.
				for range 3 {
					second.conn.Close()
					h.wantState(control.ChannelLost)
					second = h.accept()
					second.welcome(h)
				}
				h.stop()
				close(dialled)
				var got []string
				for address := range dialled {
					got = append(got, address)
				}
				if want := []string{"irc.example:6667", "b.example:1", "b.example:1", "b.example:1", "b.example:1"}; !slices.Equal(got, want) {
					t.Errorf("dialled %q", got)
				}
			})
		})
	}
}

// TestEveryServerRefusesTheNick: then trying again is in vain.
func TestEveryServerRefusesTheNick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, func(cfg *Config) {
			prompt(cfg)
			cfg.Alternates = []string{"b.example:1"}
		})
		for i := range 2 {
			p := h.accept()
			p.want("NICK "+string(ourNick), "USER "+string(ourNick)+" foo bar :None")
			p.say(":a 432 * " + string(ourNick) + " :Erroneous nickname")
			if i == 0 {
				h.wantState(control.ChannelConnecting)
			}
		}
		if e := h.wantState(control.ChannelFailed); e.Code != "nick-refused" {
			t.Errorf("%s: %s", e.Code, e.Reason)
		}
		if err := h.result(); !errors.Is(err, ErrNick) {
			t.Errorf("Run returned %v", err)
		}
	})
}

// TestOneConnectionAtATime: a nick can be on a network only once, so the next
// server is dialled when the connection to the last one is closed.
func TestOneConnectionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, func(cfg *Config) {
			prompt(cfg)
			cfg.Alternates = []string{"b.example:1", "c.example:2"}
		})
		for range 6 {
			p := h.accept()
			p.want("NICK " + string(ourNick))
			p.say("ERROR :Closing Link: going down")
			p.conn.SetReadDeadline(time.Now().Add(patience))
			for err := error(nil); err == nil; {
				_, err = p.r.ReadByte() // ends when our side is closed
			}
			select {
			case <-h.conns:
				t.Fatal("dialled before the end was told")
			default:
			}
			h.wantState(control.ChannelConnecting)
		}
		h.stop()
	})
}

// TestN12ClientsReturnOverMinutes: a thousand clients of a server that was away
// for ten minutes do not return at once.
func TestN12ClientsReturnOverMinutes(t *testing.T) {
	const clients, away = 1000, 10 * time.Minute
	perSecond := make(map[int]int)
	var first, last time.Duration
	for range clients {
		var at time.Duration
		for n := 0; at < away; n++ {
			at += jitter(shortWait.wait(n))
		}
		perSecond[int(at.Seconds())]++
		if first == 0 || at < first {
			first = at
		}
		last = max(last, at)
	}
	if last-first < 4*time.Minute {
		t.Errorf("all are back within %v", last-first)
	}
	for second, n := range perSecond {
		if n > clients/20 {
			t.Errorf("%d return in second %d", n, second)
		}
	}
}
