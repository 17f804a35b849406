package irc

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// allowed is all that a server can make us say.
var allowed = regexp.MustCompile(`^(PONG( .*)?|JOIN #joinmarket-pit|NICK J54Tz3gAo3zZh4MZ|MODE J54Tz3gAo3zZh4MZ \+B|` +
	`AUTHENTICATE (PLAIN|\+|[A-Za-z0-9+/=]+)|CAP END)$`)

// inPhase is a link without a connection, in a phase of its life, that checks
// what it delivers.
func inPhase(t testing.TB, p phase, sasl bool) *link {
	cfg := Config{Nick: ourNick, ChannelConfig: testConfig}
	if sasl {
		cfg.SASL, cfg.SASLUser, cfg.SASLPassword = control.SASLPlain, "user", "password"
	}
	l := &link{Channel: New(cfg), server: "srv.example", hostID: "irc.example6667", phase: joining}
	l.out = newOutbox(l.pace, &l.board)
	l.sink = func(e channel.Event) {
		var nick protocol.Nick
		var text string
		switch e := e.(type) {
		case channel.Public:
			nick, text = e.From, e.Text
		case channel.Private:
			nick, text = e.From, e.Text
		case channel.Left:
			nick, text = e.Nick, "!"
		case channel.State:
			nick, text = otherNick, "!"+e.HostID+e.Reason+e.Code
		case channel.Alert:
			nick, text = otherNick, "!"+e.Text
		}
		if !nick.Valid() || nick == ourNick || !strings.HasPrefix(text, "!") || !protocol.Printable(text) || len(text) > protocol.MaxMessage {
			t.Fatalf("delivered %#v", e)
		}
	}
	if p == up || p == outside {
		if err := l.receive(irc.MustParseMessage(from(ourNick, "JOIN #joinmarket-pit"))); err != nil {
			t.Fatal(err)
		}
	}
	if p == outside {
		if err := l.receive(irc.MustParseMessage(from(ourNick, "PART #joinmarket-pit"))); err != nil {
			t.Fatal(err)
		}
	}
	l.phase = p
	return l
}

// checkSaid checks what waits to be sent.
func checkSaid(t testing.TB, l *link) {
	t.Helper()
	lines := slices.Concat(l.out.urgent, waiting(l.out))
	for _, line := range lines {
		if !allowed.MatchString(line) || len(line) > maxSendLine || !protocol.Printable(line) {
			t.Fatalf("said %q", line)
		}
	}
	if s := l.Status(); s.Reason != "" && (!protocol.Printable(s.Reason) || len(s.Reason) > protocol.MaxErrorText) || len(s.Alerts) > maxAlerts {
		t.Fatalf("status %+v", s)
	}
}

// TestWrongReplies: every numeric reply and every command, with too few, many
// and odd parameters, in every phase: what is said and told stays within the
// rules, and nothing panics.
func TestWrongReplies(t *testing.T) {
	commands := []string{"PRIVMSG", "NOTICE", "PING", "PONG", "JOIN", "PART", "KICK", "QUIT", "NICK", "KILL", "ERROR", "TOPIC", "CAP", "AUTHENTICATE", "MODE", "INVITE", "WALLOPS"}
	for n := range 1000 {
		commands = append(commands, fmt.Sprintf("%03d", n))
	}
	parameters := []string{
		"", " :", " x", " " + string(ourNick), " " + string(ourNick) + " #joinmarket-pit", " #joinmarket-pit " + string(ourNick),
		" " + string(ourNick) + " #joinmarket-pit :text \x1b[31m | 0 9 \x07alert", " #joinmarket-pit :!orderbook", " * ACK :sasl", " * NAK :sasl", " +",
		" " + string(ourNick) + " NETWORK=\xff :x", " " + strings.Repeat("a ", 20), " :" + strings.Repeat("\xff", 600), " " + string(otherNick),
	}
	prefixes := []string{"", ":srv.example ", from(ourNick, ""), from(otherNick, ""), ":!@ "}
	for _, p := range []phase{registering, joining, up, outside} {
		for _, sasl := range []bool{false, true} {
			l := inPhase(t, p, sasl)
			for _, command := range commands {
				for _, parameter := range parameters {
					for _, prefix := range prefixes {
						m, err := irc.ParseMessage(prefix + command + parameter)
						if err != nil {
							continue
						}
						if l.receive(m) != nil || l.phase != p {
							checkSaid(t, l)
							l = inPhase(t, p, sasl)
						}
					}
				}
			}
			checkSaid(t, l)
		}
	}
}

// TestHostileServer: each kind of a flood that a server could think of costs a
// bounded number of lines and events, and ends with the link up again on an
// honest connection.
func TestHostileServer(t *testing.T) {
	nick := string(ourNick)
	for name, flood := range map[string]func(n int) string{
		"rejoin": func(n int) string {
			return from(ourNick, []string{"PART #joinmarket-pit", "JOIN #joinmarket-pit"}[n%2])
		},
		"kick":        func(n int) string { return ":op KICK #joinmarket-pit " + nick },
		"nick in use": func(n int) string { return ":srv 433 * " + nick + " :in use" },
		"welcome":     func(n int) string { return ":srv.example 001 " + nick + " :Welcome" },
		"support": func(n int) string {
			return fmt.Sprintf(":srv.example 005 %s NETWORK=n%d A=%s :x", nick, n, strings.Repeat("x", 300))
		},
		"account":       func(n int) string { return []string{":srv CAP * ACK :sasl", "AUTHENTICATE +", ":srv 903 x :y"}[n%3] },
		"complaints":    func(n int) string { return ":srv.example 439 " + nick + " :too fast" },
		"topics":        func(n int) string { return fmt.Sprintf(":op TOPIC #joinmarket-pit :x | 0 9 alert %d", n) },
		"other rooms":   func(n int) string { return from(ourNick, fmt.Sprintf("JOIN #other%d", n)) },
		"others' talk":  func(n int) string { return from(otherNick, fmt.Sprintf("PRIVMSG #other%d :!orderbook", n)) },
		"CTCP":          func(n int) string { return from(otherNick, "PRIVMSG "+nick+" :\x01PING 1\x01") },
		"NUL":           func(n int) string { return from(otherNick, "PRIVMSG #joinmarket-pit :!order\x00book") },
		"empty lines":   func(n int) string { return "" },
		"pings":         func(n int) string { return "PING " + strings.Repeat("x", 400) },
		"long lines":    func(n int) string { return ":srv NOTICE * :" + strings.Repeat("x", maxLine-20) },
		"pieces":        func(n int) string { return from(stranger(n), "PRIVMSG "+nick+" :!auth "+strings.Repeat("x", 400)+" ;") },
		"endless piece": func(n int) string { return from(otherNick, "PRIVMSG "+nick+" :!"+strings.Repeat("x", 400)+" ;") },
		"no such nick":  func(n int) string { return ":srv 401 " + nick + " Guest :x" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, p := startUp(t, nil)
				heard := p.hears()
				for i := range 3000 {
					p.conn.SetWriteDeadline(time.Now().Add(patience))
					if _, err := io.WriteString(p.conn, flood(i)+"\r\n"); err != nil {
						break // we had enough of it
					}
					if i%500 == 499 {
						synctest.Wait()
					}
					if len(h.events) == cap(h.events) {
						break // nobody looks: what comes waits with the server
					}
				}
				synctest.Wait()
				if len(heard) > 100 && name != "pings" { // an answer each
					t.Errorf("said %d lines", len(heard))
				}
				alerts := 0
				for len(h.events) > 0 {
					if _, ok := (<-h.events).(channel.Alert); ok {
						alerts++
					}
				}
				if alerts > maxTold {
					t.Errorf("%d alerts", alerts)
				}
				p.conn.Close()
				for len(heard) > 0 {
					if line := <-heard; !allowed.MatchString(line) && !strings.HasPrefix(line, "PING ") {
						t.Fatalf("said %q", line)
					}
				}
				for h.event(time.Hour).(channel.State).State == control.ChannelUp { // what was waiting
				}
				p = h.accept()
				for len(h.events) > 0 {
					<-h.events
				}
				p.welcome(h)
				h.stop()
			})
		})
	}
}

// TestN3NeverAnswering: servers that accept and say nothing, or say something
// forever without letting us in, or stop in the middle of a line, are left
// after a bounded time.
func TestN3NeverAnswering(t *testing.T) {
	for name, drip := range map[string]string{"silent": "", "noise": ":srv NOTICE * :wait\r\n", "half a line": ":srv 001"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, prompt)
				p := h.accept()
				began := time.Now()
				heard := p.hears()
				stop := make(chan struct{})
				go func() {
					for drip != "" {
						select {
						case <-stop:
							return
						case <-time.After(5 * time.Second):
							p.conn.SetWriteDeadline(time.Now().Add(time.Second))
							io.WriteString(p.conn, drip)
						}
					}
				}()
				e := h.wantState(control.ChannelConnecting)
				if took := time.Since(began); took != joinTimeout || e.Code != "timeout" {
					t.Errorf("left after %v: %s", took, e.Code)
				}
				close(stop)
				for range heard {
				}
				h.accept().welcome(h)
				h.stop()
			})
		})
	}
}

// TestD8LogOfAHostileServer: what a server can have logged during a connection is
// bounded.
func TestD8LogOfAHostileServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := new(strings.Builder)
		h, p := startUp(t, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(logged, nil)) })
		p.hears()
		nick := string(ourNick)
		for i := range 1000 {
			p.say(":srv.example NOTICE "+nick+" :flood", ":srv.example 439 "+nick+" :slow\r", fmt.Sprintf(":op TOPIC #joinmarket-pit :x | 0 9 a%d", i),
				":srv 404 "+nick+" #joinmarket-pit :muted", from(otherNick, "PRIVMSG #joinmarket-pit :\x1b[2J"))
			for len(h.events) > 0 {
				<-h.events
			}
		}
		h.stop()
		if n := strings.Count(logged.String(), "\n"); n > 40 || strings.Contains(logged.String(), "\x1b") {
			t.Errorf("%d lines logged", n)
		}
	})
}

// TestN5FloodOfPiecesAroundAMessage: a thousand strangers who begin messages that
// never end do not keep one that arrives meanwhile from being read.
func TestN5FloodOfPiecesAroundAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		const pieces = 90
		to := "PRIVMSG " + string(ourNick) + " :"
		want := "!tx "
		for i := range pieces {
			piece := strings.Repeat(string(rune('a'+i%26)), 418)
			text := piece + " ;"
			if i == pieces-1 {
				text = piece + " ~"
			}
			want += piece
			if i == 0 {
				text = "!tx " + text
			}
			p.say(from(otherNick, to+text))
			for n := range 100 {
				time.Sleep(time.Millisecond) // a bubble's time
				p.say(from(stranger(i*100+n), to+"!auth "+strings.Repeat("x", 400)+" ;"))
			}
		}
		h.want(channel.Private{From: otherNick, Text: want})
		h.wantNothing()
		h.stop()
	})
}

// FuzzReceive: whatever a server sends, in whatever phase, what is delivered has
// the promised form, and what is said is one of the few lines that a server can
// make us say.
func FuzzReceive(f *testing.F) {
	for i, seed := range []string{
		from(otherNick, "PRIVMSG #joinmarket-pit :!orderbook"),
		from(otherNick, "PRIVMSG "+string(ourNick)+" :!auth aaa ;") + "\n" + from(otherNick, "PRIVMSG "+string(ourNick)+" :bbb ~"),
		from(otherNick, "QUIT :bye"),
		"PING :a b", "PING", "@a ", ":x ", ":x", "\r", "001", "005 a NETWORK=b :c", "ERROR",
		"KICK #joinmarket-pit " + string(ourNick) + "\n" + from(ourNick, "JOIN #joinmarket-pit"),
		"332 a #joinmarket-pit :x | 0 9 \x1b", "474 a #joinmarket-pit :no", "433 * x :y\n437 * x :y",
		"CAP * ACK :sasl\nAUTHENTICATE +\n903 a :b\n001 " + string(ourNick) + " :x",
	} {
		f.Add(uint8(i), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, how uint8, input []byte) {
		l := inPhase(t, phase(how%4), how&4 != 0)
		in, done := make(chan *irc.Message), make(chan struct{})
		failed := make(chan error, 1)
		go func() { failed <- read(strings.NewReader(string(input)+"\n"), &l.board, in, done) }()
		defer close(done)
		for {
			select {
			case m := <-in:
				if l.receive(m) != nil {
					checkSaid(t, l)
					return
				}
			case <-failed:
				checkSaid(t, l)
				return
			case <-time.After(patience):
				t.Fatal("reading does not end")
			}
		}
	})
}
