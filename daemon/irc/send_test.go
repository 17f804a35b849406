package irc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

var testConfig = control.ChannelConfig{Name: "test", Host: "irc.example", Port: 6667, Room: "joinmarket-pit"}

// TestPace: the first line after a pause goes at once, the next ones 1.3 s
// apart, and what keeps the connection alive does not wait behind them.
func TestPace(t *testing.T) {
	for _, c := range []struct{ configured, want time.Duration }{
		{0, 1300 * time.Millisecond},
		{500 * time.Millisecond, 500 * time.Millisecond},
		{-1, 0},
	} {
		t.Run(c.configured.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, p := startUp(t, func(cfg *Config) { cfg.LineInterval = c.configured })
				time.Sleep(10 * time.Second) // a bubble's time: the pause
				const lines = 5
				for i := range lines {
					if err := h.ch.SendPrivate(otherNick, "fill", fmt.Sprint(i)); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				for i := range lines {
					p.want(fmt.Sprintf("PRIVMSG %s :!fill %d ~", otherNick, i))
					if got, want := time.Since(began), time.Duration(i)*c.want; got != want {
						t.Fatalf("line %d after %v, want %v", i, got, want)
					}
					if c.want > 0 && i < lines-1 {
						at := time.Now()
						p.say("PING now")
						p.want("PONG now")
						if time.Since(at) != 0 {
							t.Fatal("PONG had to wait")
						}
					}
				}
				h.stop()
			})
		})
	}
}

// TestConversationsGoFirst: a burst of answers to orderbook does not delay a
// conversation, whose lines do not come between those of one answer either.
func TestConversationsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		body := strings.Repeat("x", 700)
		texts, err := chunk.Split(thirdNick, "sw0reloffer", body)
		if err != nil || len(texts) != 2 {
			t.Fatal(len(texts), err)
		}
		answer := []string{"PRIVMSG " + string(thirdNick) + " :" + texts[0], "PRIVMSG " + string(thirdNick) + " :" + texts[1]}
		for range 60 {
			if err := h.ch.SendPrivate(thirdNick, "sw0reloffer", body); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.ch.SendPublic([]string{"!cancel 0"}); err != nil {
			t.Fatal(err)
		}
		p.want(answer[0])
		if err := h.ch.SendPrivate(otherNick, "pubkey", "x"); err != nil {
			t.Fatal(err)
		}
		p.want(answer[1], "PRIVMSG "+string(otherNick)+" :!pubkey x ~")
		heard := p.hears()
		next := func() string {
			for line := range heard {
				if !strings.HasPrefix(line, "PING") {
					return line
				}
				p.say("PONG")
			}
			return ""
		}
		for i := range 59 * 2 {
			if got := next(); got != answer[i%2] {
				t.Fatalf("line %d: %q", i, got)
			}
		}
		if got := next(); !strings.HasPrefix(got, "PRIVMSG #joinmarket-pit :!cancel 0") {
			t.Errorf("heard %q", got)
		}
		h.stop()
	})
}

// TestOffersLeaveRoom: offers that cannot leave crowd out no conversation.
func TestOffersLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		p.hears()
		for _, size := range []int{10, 5_000} {
			var err error
			taken := 0
			for ; err == nil && taken < 5_000; taken++ {
				err = h.ch.SendPrivate(thirdNick, "sw0reloffer", strings.Repeat("x", size))
			}
			if !errors.Is(err, channel.ErrFull) {
				t.Errorf("after %d offers of %d bytes: %v", taken, size, err)
			}
		}
		if err := h.ch.SendPrivate(otherNick, "tx", strings.Repeat("x", 39_000)); err != nil {
			t.Error(err)
		}
		h.stop()
	})
}

// TestFull: what does not fit the queue is refused whole, and what was taken is
// sent whole.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, nil)
		body := strings.Repeat("x", 20_000)
		texts, err := chunk.Split(otherNick, "tx", body)
		if err != nil {
			t.Fatal(err)
		}
		taken := 0
		for ; err == nil && taken < 1000; taken++ {
			err = h.ch.SendPrivate(otherNick, "tx", body)
		}
		taken--
		if !errors.Is(err, channel.ErrFull) || taken < 10 {
			t.Fatalf("after %d messages: %v", taken, err)
		}
		if n := taken * len(body); n > maxQueuedBytes || n < maxQueuedBytes/2 {
			t.Errorf("%d bytes are waiting", n)
		}
		heard := p.hears()
		for range taken {
			for _, text := range texts {
				want := "PRIVMSG " + string(otherNick) + " :" + text
				got := <-heard
				for strings.HasPrefix(got, "PING") {
					p.say("PONG")
					got = <-heard
				}
				if got != want {
					t.Fatalf("heard %.60q, want %.60q", got, want)
				}
			}
		}
		if err := h.ch.SendPrivate(otherNick, "tx", body); err != nil {
			t.Errorf("after the queue has emptied: %v", err)
		}
		h.stop()
	})
}

// TestManyLines: short lines are bounded by their number.
func TestManyLines(t *testing.T) {
	out := testOutbox(time.Hour)
	for i := range maxQueuedLines {
		if err := out.push("x"); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	if err := out.push("x"); !errors.Is(err, channel.ErrFull) {
		t.Errorf("one line more: %v", err)
	}
}

func TestSendErrors(t *testing.T) {
	ch := New(Config{ChannelConfig: testConfig, Nick: ourNick})
	private := func(to protocol.Nick, command, body string) func() error {
		return func() error { return ch.SendPrivate(to, command, body) }
	}
	public := func(groups ...string) func() error {
		return func() error { return ch.SendPublic(groups) }
	}
	for name, c := range map[string]struct {
		send func() error
		want error
	}{
		"down":            {private(otherNick, "fill", "x"), channel.ErrDown},
		"down, public":    {public("!orderbook"), channel.ErrDown},
		"large":           {private(otherNick, "tx", strings.Repeat("x", protocol.MaxMessage)), channel.ErrTooLarge},
		"large, public":   {public("!orderbook", "!"+strings.Repeat("x", 450)), channel.ErrTooLarge},
		"N21 CR LF":       {private(otherNick, "error", "x\r\nQUIT"), channel.ErrText},
		"N21 LF":          {private(otherNick, "error", "x\nQUIT"), channel.ErrText},
		"N21 NUL":         {private(otherNick, "error", "x\x00"), channel.ErrText},
		"N21 UTF-8":       {private(otherNick, "error", "\u00e4"), channel.ErrText},
		"N21 not UTF-8":   {private(otherNick, "error", "\xff"), channel.ErrText},
		"N21 command":     {private(otherNick, "x\r\nQUIT", "x"), channel.ErrText},
		"N21 nick":        {private("J5\r\nQUIT :aaaaa", "fill", "x"), channel.ErrText},
		"N21 target room": {private("#joinmarket-pit", "fill", "x"), channel.ErrText},
		"N21 two targets": {private(otherNick+","+thirdNick, "fill", "x"), channel.ErrText},
		"N21 public":      {public("!orderbook", "!cancel 0\r\nQUIT"), channel.ErrText},
		"no command":      {public("QUIT"), channel.ErrText},
	} {
		if err := c.send(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestM7ConversationsFirst: what strangers can have us say for nothing waits
// behind what somebody waits for, and answers to fills behind conversations in
// which coins are shown, however many fills come.
func TestM7ConversationsFirst(t *testing.T) {
	ch := New(Config{ChannelConfig: testConfig, Nick: ourNick})
	ch.out = testOutbox(0)
	for _, command := range []string{"error", "sw0reloffer", "pubkey", "hp2", "pubkey", "ioauth", "pubkey", "sig"} {
		if err := ch.SendPrivate(otherNick, command, "x"); err != nil {
			t.Fatal(err)
		}
	}
	var order []string
	for line, _ := ch.out.take(); line != ""; line, _ = ch.out.take() {
		_, rest, _ := strings.Cut(line, ":!")
		order = append(order, strings.Fields(rest)[0])
	}
	if want := []string{"ioauth", "sig", "pubkey", "pubkey", "pubkey", "error", "sw0reloffer", "hp2"}; !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
}

// FuzzN21OneMessageOneLine: whatever is given to the channel, each line it says
// is one line of its kind, and a private message arrives as it was given.
func FuzzN21OneMessageOneLine(f *testing.F) {
	f.Add(string(otherNick), "fill", "0 1 ab cd key sig")
	f.Add(string(otherNick), "tx", strings.Repeat("abcdefg", 300))
	f.Add("J5\r\nQUIT", "fill\n", "\x00")
	f.Add(string(otherNick), "", " ;")
	f.Fuzz(func(t *testing.T, to, command, body string) {
		ch := New(Config{ChannelConfig: testConfig, Nick: ourNick})
		ch.out = testOutbox(0)
		if ch.SendPublic([]string{"!" + command + " " + body, body}) == nil {
			lines := waiting(ch.out)
			checkLines(t, lines)
			for _, line := range lines {
				if !strings.HasPrefix(line, "PRIVMSG #joinmarket-pit :!") {
					t.Fatalf("public line %q", line)
				}
			}
		}
		ch.out = testOutbox(0)
		if ch.SendPrivate(protocol.Nick(to), command, body) != nil {
			if lines := waiting(ch.out); len(lines) > 0 {
				t.Fatalf("refused, but %q is waiting", lines)
			}
			return
		}
		lines := waiting(ch.out)
		checkLines(t, lines)
		joiner := chunk.NewJoiner(time.Now)
		for i, line := range lines {
			text, ok := strings.CutPrefix(line, "PRIVMSG "+to+" :")
			whole, done, err := joiner.Add(ourNick, text)
			if !ok || err != nil || done != (i == len(lines)-1) {
				t.Fatalf("line %q: %v", line, err)
			}
			if done && whole != "!"+command+" "+body {
				t.Fatalf("arrives as %q", whole)
			}
		}
	})
}

// waiting are the lines that are not urgent.
func waiting(o *outbox) []string {
	return slices.Concat(o.lines, slices.Concat(slices.Concat(o.behind[:]...)...))
}

func checkLines(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		if line == "" || len(line) > 510 || strings.Trim(line, " ") == "" || !protocol.Printable(line) {
			t.Fatalf("said %q", line)
		}
	}
}
