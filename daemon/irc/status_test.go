package irc

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestStatusOnTheWay: the states that a link passes, and since when it is in
// them.
func TestStatusOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *harness
		check := func(want LinkState, since time.Time) {
			t.Helper()
			synctest.Wait()
			s := h.ch.Status()
			if s.State != want || !s.Since.Equal(since) || s.Name != "test" || (s.State == LinkWaiting) != !s.Next.IsZero() ||
				(s.State == LinkUp) != (s.HostID != "") {
				t.Errorf("status %+v, want %s since %v", s, want, since)
			}
		}
		pause := func() time.Time {
			time.Sleep(7 * time.Second) // a bubble's time
			return time.Now()
		}
		h = start(t, prompt)
		began := time.Now()
		pause()
		check(LinkConnecting, began)
		if s := h.ch.Status(); s.Server != "irc.example:6667" || s.Connections != 0 {
			t.Errorf("status %+v", s)
		}
		p, at := h.accept(), time.Now()
		nick := string(ourNick)
		p.want("NICK "+nick, "USER "+nick+" foo bar :None")
		check(LinkRegistering, at)

		at = pause()
		p.say(":srv 433 * " + nick + " :in use")
		h.wantState(control.ChannelConnecting)
		check(LinkWaiting, at)
		p.want("NICK " + nick)
		check(LinkRegistering, time.Now())

		at = pause()
		p.say(":srv 001 " + nick + " :Welcome")
		p.want("JOIN #joinmarket-pit")
		check(LinkJoining, at)

		at = pause()
		p.say(from(ourNick, "JOIN #joinmarket-pit"))
		p.want("MODE " + nick + " +B")
		h.wantState(control.ChannelUp)
		check(LinkUp, at)

		at = pause()
		p.conn.Close()
		e := h.wantState(control.ChannelLost)
		check(LinkWaiting, at)
		if s := h.ch.Status(); s.Cause != CauseClosed || s.Reason != e.Reason || e.Code != "closed" {
			t.Errorf("status %+v, event %+v", s, e)
		}
		h.stop()
		check(LinkEnded, time.Now())
	})
}

// TestStatusCounts: lines, and what was dropped and why.
func TestStatusCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, prompt)
		if err := h.ch.SendPublic([]string{"!orderbook"}); !errors.Is(err, channel.ErrDown) {
			t.Fatal(err)
		}
		p := h.accept()
		p.welcome(h) // 3 lines in, 4 out
		for _, line := range []string{
			"@", ":",
			from("Guest", "PRIVMSG #joinmarket-pit :!orderbook"),
			from(otherNick, "PRIVMSG #joinmarket-pit :hello"),
			from(otherNick, "PRIVMSG "+string(ourNick)+" :!fill"),
			from(otherNick, "PRIVMSG "+string(ourNick)+" :x ~"),
		} {
			p.say(line)
		}
		if err := h.ch.SendPrivate(otherNick, "tx", strings.Repeat("x", protocol.MaxMessage)); !errors.Is(err, channel.ErrTooLarge) {
			t.Fatal(err)
		}
		for err := error(nil); err == nil; {
			err = h.ch.SendPrivate(otherNick, "tx", strings.Repeat("x", 20_000))
		}
		queued := h.ch.Status().Queued
		p.say("PING end")
		heard := p.hears()
		for range heard {
			if h.ch.Status().Queued == 0 {
				break
			}
		}
		synctest.Wait()
		s := h.ch.Status()
		want := map[Drop]uint64{DropDown: 1, DropMalformed: 3, DropStranger: 1, DropChunk: 2, DropText: 1, DropFull: 1}
		if !maps.Equal(s.Dropped, want) {
			t.Errorf("dropped %v, want %v", s.Dropped, want)
		}
		if s.LinesIn != 10 || queued < 1000 || s.LinesOut < uint64(queued) || s.Throttled != 0 {
			t.Errorf("%d lines in, %d queued, %d out, %d throttled", s.LinesIn, queued, s.LinesOut, s.Throttled)
		}
		s.Dropped[DropDown] = 100
		if h.ch.Status().Dropped[DropDown] != 1 {
			t.Error("the status is shared")
		}
		h.stop()
	})
}

// TestT17TopicAlerts: alerts for our version are told once, fit to be shown and
// bounded in number and size, whoever may set the topic.
func TestT17TopicAlerts(t *testing.T) {
	for topic, want := range map[string][]string{
		"":                                      nil,
		"welcome":                               nil,
		"4 6 not behind a bar":                  nil,
		"pit | 4 6 please upgrade":              {"please upgrade"},
		"pit |4 6 a|0 9 b c":                    {"a", "b c"},
		"pit | 5 6 no | 4 5 no | 6 9 no":        nil,
		"pit | x 6 no | 4 y no | 4 6":           nil,
		"pit | 4 6 \x1b[2J\u202eevil\x03":       {"?[2J???evil?"},
		"pit|-99999999999999999999 9 no":        nil,
		"pit" + strings.Repeat(" | 0 9 x", 50):  {"x", "x", "x", "x"},
		"pit | 0 9 " + strings.Repeat("y", 900): {strings.Repeat("y", protocol.MaxErrorText)},
	} {
		got := alerts(topic)
		for i, text := range got {
			if !protocol.Printable(text) || len(text) > protocol.MaxErrorText {
				t.Errorf("%q: alert %q", topic, text)
			}
			if len(want) > i && strings.HasPrefix(want[i], "?[2J") {
				got[i] = want[i] // how many marks stand for a character is no matter
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", topic, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		p.say(":srv 332 " + string(ourNick) + " #joinmarket-pit :pit | 4 6 first")
		h.want(channel.Alert{Text: "first"})
		p.say(":op!u@h TOPIC #joinmarket-pit :pit | 4 6 first | 4 6 second", ":op!u@h TOPIC #other :x | 4 6 no", ":op!u@h TOPIC")
		h.want(channel.Alert{Text: "second"})
		synctest.Wait()
		h.wantNothing()
		if s := h.ch.Status(); !slices.Equal(s.Alerts, []string{"first", "second"}) {
			t.Errorf("alerts %q", s.Alerts)
		}
		h.stop()
	})
}
