package irc

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
)

// TestFullOfLines: the lines that wait to be sent are bounded, and those that
// wait until nothing else does by themselves, so that they leave room for the
// others; what does not fit is counted.
func TestFullOfLines(t *testing.T) {
	counts := new(count.Set)
	ch := New(Config{Counts: counts})
	out := newOutbox(ch.pace, &ch.board)
	ch.setOut(out)
	fill := func(send func() error) (taken int) {
		for range 2 * maxQueuedLines {
			if err := send(); err == nil {
				taken++
			} else if !errors.Is(err, channel.ErrFull) {
				t.Fatal(err)
			}
		}
		return taken
	}
	offers := func() error { return ch.SendPrivate(otherNick, "sw0reloffer", "x") }
	messages := func() error { return ch.SendPrivate(otherNick, "fill", "x") }
	if n := fill(offers); n != maxQueuedLater {
		t.Errorf("%d offers wait, cap %d", n, maxQueuedLater)
	}
	if n := fill(messages); n != maxQueuedLines-maxQueuedLater {
		t.Errorf("%d messages wait beside them, want %d", n, maxQueuedLines-maxQueuedLater)
	}
	if n := out.waiting(); n != maxQueuedLines {
		t.Errorf("%d lines wait, cap %d", n, maxQueuedLines)
	}
	if got, want := counts.Get(count.DropFull), uint64(4*maxQueuedLines-maxQueuedLines); got != want {
		t.Errorf("%d counted, want %d", got, want)
	}
}

// TestN5IsCounted: pieces of a message that is too large, or has too many, are
// counted and lead to nothing.
func TestN5IsCounted(t *testing.T) {
	for name, piece := range map[string]string{"too large": strings.Repeat("x", 400), "too many pieces": ""} {
		synctest.Test(t, func(t *testing.T) {
			counts := new(count.Set)
			h, p := startUp(t, func(c *Config) { c.Counts = counts })
			p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :!tx a ;"))
			for range 150 {
				p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :"+piece+" ;"))
			}
			p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :x ~"))
			synctest.Wait()
			if n := counts.Get(count.DropChunk); n < 10 {
				t.Errorf("%s: %d counted", name, n)
			}
			for len(h.events) > 0 {
				if e, ok := (<-h.events).(channel.Private); ok {
					t.Errorf("%s: a message of %d bytes came of it", name, len(e.Text))
				}
			}
			texts, err := chunk.Split(ourNick, "fill", "y")
			if err != nil {
				t.Fatal(err)
			}
			p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :"+texts[0])) // the sender may go on
			if e, ok := h.event(patience).(channel.Private); !ok || e.Text != "!fill y" {
				t.Errorf("%s: %+v", name, e)
			}
			h.stop()
		})
	}
}
