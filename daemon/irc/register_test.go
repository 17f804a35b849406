package irc

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// transcript is what a reference taker and its server said to each other, from
// connecting to the end of a CoinJoin: "->" sent, "<-" received.
func transcript(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/taker.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < 50 {
		t.Fatalf("transcript of %d lines", len(lines))
	}
	return lines
}

// TestReferenceTranscript plays the server of a recorded CoinJoin: the channel
// must say the same bytes as the reference, at the same pace.
func TestReferenceTranscript(t *testing.T) {
	lines := transcript(t)
	synctest.Test(t, func(t *testing.T) {
		h := start(t, func(cfg *Config) {
			cfg.Nick = "J5C2aPX1QYb5dMKg"
			cfg.Network = "regtest"
		})
		p := h.accept()
		var heard, last time.Time
		private := make(map[string]string) // what is being received, by sender
		for i, line := range lines {
			text := line[3:]
			if strings.HasPrefix(line, "<-") {
				p.say(text)
				checkDelivered(h, private, text)
				continue
			}
			if strings.HasPrefix(text, "PRIVMSG ") && strings.Contains(text, " :!") {
				send(t, h.ch, lines[i:])
			}
			if got := p.hear(); got != text {
				t.Fatalf("line %d: said %q\n want %q", i+1, got, text)
			}
			last, heard = heard, time.Now()
			if !last.IsZero() && heard.Sub(last) < 1300*time.Millisecond {
				t.Fatalf("line %d came %v after the one before", i+1, heard.Sub(last))
			}
		}
		h.stop()
	})
}

// send has the channel say the message that begins at the first line.
func send(t *testing.T, ch *Channel, lines []string) {
	t.Helper()
	target, text, _ := strings.Cut(strings.TrimPrefix(lines[0], "-> PRIVMSG "), " :")
	if strings.HasPrefix(target, "#") {
		if err := ch.SendPublic([]string{text}); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range lines[1:] {
		if !strings.HasSuffix(text, " ;") {
			break
		}
		if more, ok := strings.CutPrefix(line, "-> PRIVMSG "+target+" :"); ok {
			text = strings.TrimSuffix(text, " ;") + more
		}
	}
	command, body, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(text, " ~"), "!"), " ")
	if err := ch.SendPrivate(protocol.Nick(target), command, body); err != nil {
		t.Fatal(err)
	}
}

// checkDelivered checks the event, if any, that a line of the server causes.
func checkDelivered(h *harness, private map[string]string, line string) {
	h.t.Helper()
	fields := strings.SplitN(line, " ", 4)
	nick, _, _ := strings.Cut(fields[0][1:], "!")
	switch {
	case fields[1] == "JOIN":
		h.want(channel.State{State: control.ChannelUp, HostID: "jmlab"})
	case fields[1] != "PRIVMSG":
	case strings.HasPrefix(fields[2], "#"):
		h.want(channel.Public{From: protocol.Nick(nick), Text: fields[3][1:]})
	default:
		private[nick] += fields[3][1 : len(fields[3])-2]
		if strings.HasSuffix(line, " ~") {
			h.want(channel.Private{From: protocol.Nick(nick), Text: private[nick]})
			delete(private, nick)
		}
	}
	synctest.Wait()
	h.wantNothing()
}

func TestRoomName(t *testing.T) {
	for network, want := range map[string]string{
		"mainnet": "#pit", "testnet": "#pit-test", "regtest": "#pit-test", "signet": "#pit-sig",
	} {
		if got := New(Config{ChannelConfig: control.ChannelConfig{Room: "pit"}, Network: network}).room; got != want {
			t.Errorf("%s: room %q, want %q", network, got, want)
		}
	}
}

// TestHostID: the network's name as sent, from any 005 before we are in the
// room, else host and port.
func TestHostID(t *testing.T) {
	for _, c := range []struct {
		name, want string
		replies    []string
	}{
		{"none", "irc.example6667", nil},
		{"no name", "irc.example6667", []string{"CASEMAPPING=ascii :are supported"}},
		{"empty", "irc.example6667", []string{"NETWORK= :is my network name"}},
		{"second reply", "HackInt", []string{"A B=1 :are supported", "C NETWORK=HackInt D :are supported"}},
		{"only in the text", "irc.example6667", []string{"A :NETWORK=x"}},
		{"not ASCII", "irc.example6667", []string{"NETWORK=h\xe4ck :is my network name"}},
		{"control character", "irc.example6667", []string{"NETWORK=h\x1bck :is my network name"}},
		{"endless", "irc.example6667", []string{"NETWORK=" + strings.Repeat("x", 1000) + " :is my network name"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, prompt)
				p := h.accept()
				p.want("NICK "+string(ourNick), "USER "+string(ourNick)+" foo bar :None")
				p.say(":srv 001 " + string(ourNick) + " :Welcome")
				p.want("JOIN #joinmarket-pit")
				for _, r := range c.replies {
					p.say(":srv 005 " + string(ourNick) + " " + r)
				}
				p.say(from(ourNick, "JOIN #joinmarket-pit"))
				p.want("MODE " + string(ourNick) + " +B")
				h.want(channel.State{State: control.ChannelUp, HostID: c.want})
				// Messages have been signed for it: it stays, whatever comes.
				later := ":srv 005 " + string(ourNick) + " NETWORK=later :is my network name"
				p.say(later, from(ourNick, "PART #joinmarket-pit"), later)
				h.wantState(control.ChannelLost)
				p.want("JOIN #joinmarket-pit")
				p.say(from(ourNick, "JOIN #joinmarket-pit"))
				p.want("MODE " + string(ourNick) + " +B")
				h.want(channel.State{State: control.ChannelUp, HostID: c.want})
				h.stop()
			})
		})
	}
}

// TestUpOnOwnJoinOnly: nothing is said or delivered before the echo of our own
// JOIN of the room, which makes the channel come up once.
func TestUpOnOwnJoinOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, prompt)
		p := h.accept()
		early := []string{
			from(otherNick, "JOIN #joinmarket-pit"),
			from(ourNick, "JOIN #joinmarket-pit-test"),
			from(otherNick, "PRIVMSG #joinmarket-pit :!orderbook"),
			from(otherNick, "PRIVMSG "+string(ourNick)+" :!fill x ~"),
			from(otherNick, "QUIT"),
			from(ourNick, "PART #joinmarket-pit"),
		}
		p.want("NICK "+string(ourNick), "USER "+string(ourNick)+" foo bar :None")
		p.say(early...)
		p.say(from(ourNick, "JOIN #joinmarket-pit"), ":srv 001 "+string(ourNick)+" :Welcome")
		p.want("JOIN #joinmarket-pit")
		p.say(early...)
		p.say(":srv 001 "+string(ourNick)+" :Welcome", "PING end")
		p.want("PONG end")
		h.wantNothing()
		if err := h.ch.SendPublic([]string{"!orderbook"}); !errors.Is(err, channel.ErrDown) {
			t.Errorf("sending before: %v", err)
		}
		p.say(from(ourNick, "JOIN #joinmarket-pit"), from(ourNick, "JOIN #joinmarket-pit"))
		p.want("MODE " + string(ourNick) + " +B")
		h.want(channel.State{State: control.ChannelUp, HostID: "irc.example6667"})
		p.say("PING end")
		p.want("PONG end")
		h.wantNothing()
		h.stop()
	})
}

// TestNickInUse: the same nick is asked for again every ten seconds.
func TestNickInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, nil)
		p := h.accept()
		nick := string(ourNick)
		p.want("NICK "+nick, "USER "+nick+" foo bar :None")
		for i := range 20 {
			p.say(":srv " + []string{"433", "436", "437"}[i%3] + " * " + nick + " :Nickname is already in use")
			if i == 0 {
				if e := h.wantState(control.ChannelConnecting); e.Code != "nick-in-use" {
					t.Errorf("code %q", e.Code)
				}
			}
			began := time.Now()
			p.want("NICK " + nick)
			if took := time.Since(began); took != 10*time.Second {
				t.Fatalf("asked again after %v", took)
			}
		}
		h.wantNothing() // the user is told once
		p.say(":srv 001 "+nick+" :Welcome", ":srv 433 * "+nick+" :late")
		p.want("JOIN #joinmarket-pit")
		p.say(from(ourNick, "JOIN :#joinmarket-pit"))
		p.want("MODE " + nick + " +B")
		h.wantState(control.ChannelUp)
		h.stop()
	})
}

// TestNickRefused: no further attempt is made when the server cannot take the
// nick as it is.
func TestNickRefused(t *testing.T) {
	nick := string(ourNick)
	for name, line := range map[string]string{
		"erroneous": ":srv 432 * " + nick + " :Erroneous nickname \x1b[2J",
		"cut":       ":srv 001 " + nick[:9] + " :Welcome",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, nil)
				p := h.accept()
				p.want("NICK "+nick, "USER "+nick+" foo bar :None")
				p.say(line)
				e := h.wantState(control.ChannelFailed)
				if e.Reason == "" || !protocol.Printable(e.Reason) {
					t.Errorf("reason %q", e.Reason)
				}
				if err := h.result(); !errors.Is(err, ErrNick) {
					t.Errorf("Run returned %v", err)
				}
			})
		})
	}
}

func TestConfigRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"nick":          func(c *Config) { c.Nick = "J5\r\nQUIT" },
		"no host":       func(c *Config) { c.Host = "" },
		"no port":       func(c *Config) { c.Port = 0 },
		"empty room":    func(c *Config) { c.Room = "" },
		"two rooms":     func(c *Config) { c.Room = "a,b" },
		"N21 room":      func(c *Config) { c.Room = "a\r\nQUIT" },
		"long room":     func(c *Config) { c.Room = strings.Repeat("a", 50) },
		"N17 onion DNS": func(c *Config) { c.Host, c.Dial = "abc.ONION", nil },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, change)
			h.wantState(control.ChannelFailed)
			if err := h.result(); !errors.Is(err, ErrConfig) {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

// TestJoinTimeout: a server that does not let us in is left. A slow pace of ours
// is no fault of the server.
func TestJoinTimeout(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		-1:          90 * time.Second,
		time.Minute: 270 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := start(t, func(cfg *Config) { cfg.LineInterval = interval })
			for range 3 {
				p := h.accept()
				began := time.Now()
				heard := p.hears()
				e := h.wantState(control.ChannelConnecting)
				if took := time.Since(began); took != want || !strings.Contains(e.Reason, "in time") {
					t.Errorf("left after %v: %q", took, e.Reason)
				}
				for range heard {
				}
			}
			h.stop()
		})
	}
}
