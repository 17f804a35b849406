package irc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// within fails unless a wait was about want: half of it to one and a half.
func within(t *testing.T, what string, took, want time.Duration) {
	t.Helper()
	if took < want/2 || took > want*3/2 {
		t.Errorf("%s after %v, want about %v", what, took, want)
	}
}

// hearButPings is hear that answers and passes over PINGs.
func (p *peer) hearButPings() string {
	p.t.Helper()
	for {
		line := p.hear()
		if !strings.HasPrefix(line, "PING ") {
			return line
		}
		p.say(":srv.example PONG srv.example :srv.example")
	}
}

// TestKicked: put out of the room, by KICK or a forced PART, we ask to be let in
// again, each time later.
func TestKicked(t *testing.T) {
	for _, line := range []string{
		":op!u@host KICK #joinmarket-pit " + string(ourNick) + " :out",
		from(ourNick, "PART #joinmarket-pit :forced"),
	} {
		synctest.Test(t, func(t *testing.T) {
			h, p := startUp(t, prompt)
			p.say(":op!u@host KICK #other " + string(ourNick) + " :no matter")
			p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :!auth half ;"))
			synctest.Wait()
			h.wantNothing()
			for _, wait := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
				began := time.Now()
				p.say(line, line)
				if e := h.wantState(control.ChannelLost); e.Code != "kicked" {
					t.Errorf("code %q", e.Code)
				}
				if err := h.ch.SendPublic([]string{"!orderbook"}); !errors.Is(err, channel.ErrDown) {
					t.Errorf("sending while outside: %v", err)
				}
				if s := h.ch.Status(); s.State != LinkWaiting || s.Cause != CauseKicked || !s.Next.After(began) {
					t.Errorf("status %+v", s)
				}
				if got := p.hearButPings(); got != "JOIN #joinmarket-pit" {
					t.Fatalf("heard %q", got)
				}
				within(t, "asked", time.Since(began), wait)
				p.say(from(otherNick, "PRIVMSG #joinmarket-pit :!orderbook"))
				p.say(from(ourNick, "JOIN #joinmarket-pit"))
				p.want("MODE " + string(ourNick) + " +B")
				h.want(channel.State{State: control.ChannelUp, HostID: "testnet0"})
				// What was begun before is forgotten.
				p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :half ~"))
				synctest.Wait()
				h.wantNothing()
			}
			h.stop()
		})
	}
}

// TestKickedAfterALongStay: the waits begin anew.
func TestKickedAfterALongStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		for range 3 {
			p.want("PING srv.example") // 120 s
			p.say("PONG")
			began := time.Now()
			p.say(":op!u@host KICK #joinmarket-pit " + string(ourNick))
			h.wantState(control.ChannelLost)
			p.want("JOIN #joinmarket-pit")
			within(t, "asked", time.Since(began), 10*time.Second)
			p.say(from(ourNick, "JOIN #joinmarket-pit"))
			p.want("MODE " + string(ourNick) + " +B")
			h.wantState(control.ChannelUp)
			p.want("PING srv.example")
			p.say("PONG")
		}
		h.stop()
	})
}

// TestKickedWithLinesWaiting: to be let in again we do not wait for them.
func TestKickedWithLinesWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		if err := h.ch.SendPrivate(otherNick, "tx", strings.Repeat("x", 20_000)); err != nil {
			t.Fatal(err)
		}
		p.say(":op!u@host KICK #joinmarket-pit " + string(ourNick))
		h.wantState(control.ChannelLost)
		lines := 0
		for p.hear() != "JOIN #joinmarket-pit" {
			lines++
		}
		if lines > 12 {
			t.Errorf("JOIN after %d lines", lines)
		}
		h.stop()
	})
}

// TestRoomRefused: each of a server's reasons has its code and reaches the user.
// The connection stays, and we ask again after a wait that fits the reason.
func TestRoomRefused(t *testing.T) {
	for numeric, want := range map[string]struct {
		code Cause
		wait time.Duration
	}{
		"403": {CauseRoomUnavailable, 10 * time.Second},
		"405": {CauseRoomUnavailable, 10 * time.Second},
		"437": {CauseRoomUnavailable, 10 * time.Second},
		"476": {CauseRoomUnavailable, 10 * time.Second},
		"471": {CauseRoomFull, 10 * time.Second},
		"473": {CauseRoomInvite, 10 * time.Minute},
		"474": {CauseRoomBanned, 10 * time.Minute},
		"475": {CauseRoomKey, 10 * time.Minute},
		"477": {CauseRoomRegistered, 10 * time.Minute},
	} {
		t.Run(numeric, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, prompt)
				p := h.accept()
				p.want("NICK "+string(ourNick), "USER "+string(ourNick)+" foo bar :None")
				p.say(":srv 001 "+string(ourNick)+" :Welcome", ":srv "+numeric+" "+string(ourNick)+" #other :no")
				p.want("JOIN #joinmarket-pit")
				for i := range 3 {
					began := time.Now()
					p.say(":srv " + numeric + " " + string(ourNick) + " #joinmarket-pit :Cannot join channel \x1b")
					e := h.wantState(control.ChannelConnecting)
					if e.Code != string(want.code) || e.Reason != "the server refuses the room #joinmarket-pit: Cannot join channel ?" {
						t.Errorf("%s: %s", e.Code, e.Reason)
					}
					if got := p.hearButPings(); got != "JOIN #joinmarket-pit" {
						t.Fatalf("heard %q", got)
					}
					within(t, "asked", time.Since(began), want.wait<<i)
				}
				p.say(from(ourNick, "JOIN #joinmarket-pit"))
				p.want("MODE " + string(ourNick) + " +B")
				h.wantState(control.ChannelUp)
				if s := h.ch.Status(); s.Cause != "" || s.Reason != "" || s.State != LinkUp || s.Connections != 1 {
					t.Errorf("status %+v", s)
				}
				h.stop()
			})
		})
	}
}

// TestMuted: a room that does not take what we say stays up for private
// messages; the status says so, and what the server did not pass on is counted.
func TestMuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		for range 2 {
			if err := h.ch.SendPublic([]string{"!orderbook"}); err != nil {
				t.Fatal(err)
			}
			p.want("PRIVMSG #joinmarket-pit :!orderbook")
			p.say(":srv 404 "+string(ourNick)+" #joinmarket-pit :Cannot send to channel (+m)", "PING end")
			p.want("PONG end")
		}
		s := h.ch.Status()
		if s.State != LinkUp || s.Cause != CauseRoomMuted || !strings.HasSuffix(s.Reason, "(+m)") || s.Dropped[DropRefused] != 2 {
			t.Errorf("status %+v", s)
		}
		p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :!pubkey x ~"))
		h.want(channel.Private{From: otherNick, Text: "!pubkey x"})
		h.stop()
	})
}

// TestNobodyThere: a nick that the server does not know has left.
func TestNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		p.say(":srv 401 " + string(ourNick) + " " + string(otherNick) + " :No such nick")
		h.want(channel.Left{Nick: otherNick})
		p.say(":srv 401 "+string(ourNick)+" Guest :No such nick", ":srv 401 "+string(ourNick)+" "+string(ourNick)+" :x", ":srv 401")
		synctest.Wait()
		h.wantNothing()
		h.stop()
	})
}

// TestNetsplit: everybody on the other side leaves at once, and comes back; what
// had begun before does not go on.
func TestNetsplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		const many = 1000
		nicks := make([]protocol.Nick, many)
		for i := range nicks {
			nicks[i] = stranger(i)
			p.say(from(nicks[i], "PRIVMSG "+string(ourNick)+" :!auth half ;"))
		}
		for _, nick := range nicks {
			p.say(from(nick, "QUIT :hub.example leaf.example"))
			h.want(channel.Left{Nick: nick})
		}
		for _, nick := range nicks {
			p.say(from(nick, "JOIN #joinmarket-pit"), ":hub.example MODE #joinmarket-pit +v "+string(nick))
			p.say(from(nick, "PRIVMSG "+string(ourNick)+" :half ~"))
		}
		synctest.Wait()
		h.wantNothing()
		p.say(from(nicks[7], "PRIVMSG "+string(ourNick)+" :!auth whole ~"))
		h.want(channel.Private{From: nicks[7], Text: "!auth whole"})
		h.stop()
	})
}

// stranger is the n-th of many well-formed nicks.
func stranger(n int) protocol.Nick {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	return protocol.Nick(fmt.Sprintf("J5zzzzzzzzzzz%c%c%c", digits[n/58/58%58], digits[n/58%58], digits[n%58]))
}

// TestLeave: the end of the context closes the connection without a word, as the
// reference does, whatever waits to be sent.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		for i := range 100 {
			if err := h.ch.SendPublic([]string{fmt.Sprintf("!cancel %d", i)}); err != nil {
				t.Fatal(err)
			}
		}
		heard := p.hears()
		synctest.Wait()
		for len(heard) > 0 {
			<-heard
		}
		began := time.Now()
		h.cancel()
		if err := h.result(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("left in %v", took)
		}
		for line := range heard { // ends with the connection
			t.Errorf("said %q", line)
		}
		if err := h.ch.SendPublic([]string{"!orderbook"}); !errors.Is(err, channel.ErrDown) {
			t.Errorf("sending after the end: %v", err)
		}
		h.wantNothing()
		if s := h.ch.Status(); s.State != LinkEnded || s.Cause != "" {
			t.Errorf("status %+v", s)
		}
	})
}
