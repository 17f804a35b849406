package irc

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
)

// BenchmarkReceive takes lines of a server to events: reading, parsing, joining.
func BenchmarkReceive(b *testing.B) {
	const nick = string(ourNick)
	offer := from(otherNick, "PRIVMSG #joinmarket-pit :!sw0reloffer 0 108093 377040386 0 0.000022 ~\r\n")
	piece := strings.Repeat("x", 416)
	for _, c := range []struct{ name, lines string }{
		{"public", offer},
		{"private", from(otherNick, "PRIVMSG "+nick+" :!fill "+piece+" ~\r\n")},
		{"pieces", from(otherNick, "PRIVMSG "+nick+" :!tx "+piece+" ;\r\n") +
			strings.Repeat(from(otherNick, "PRIVMSG "+nick+" :"+piece+" ;\r\n"), 30) +
			from(otherNick, "PRIVMSG "+nick+" :"+piece+" ~\r\n")},
		{"ignored", from(thirdNick, "JOIN #joinmarket-pit\r\n")},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := &link{
				Channel: New(Config{Nick: ourNick, ChannelConfig: testConfig}),
				out:     testOutbox(0),
				phase:   joining,
			}
			l.sink = func(channel.Event) {}
			if err := l.receive(irc.MustParseMessage(from(ourNick, "JOIN #joinmarket-pit"))); err != nil {
				b.Fatal(err)
			}
			in, done := make(chan *irc.Message), make(chan struct{})
			failed := make(chan error, 1)
			b.ReportAllocs()
			b.SetBytes(int64(len(c.lines)))
			b.ResetTimer()
			go func() { failed <- read(&repeat{lines: []byte(c.lines), times: b.N}, &l.board, in, done) }()
			for {
				select {
				case m := <-in:
					if err := l.receive(m); err != nil {
						b.Fatal(err)
					}
				case <-failed:
					return
				}
			}
		})
	}
}

// repeat reads the same lines a number of times.
type repeat struct {
	lines []byte
	times int
	rest  bytes.Reader
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.rest.Len() == 0 {
		if r.times == 0 {
			return 0, io.EOF
		}
		r.times--
		r.rest.Reset(r.lines)
	}
	return r.rest.Read(p)
}

// BenchmarkSendPrivate takes a message to lines in the queue.
func BenchmarkSendPrivate(b *testing.B) {
	for name, size := range map[string]int{"fill": 350, "tx": 15_000} {
		b.Run(name, func(b *testing.B) {
			body := strings.Repeat("x", size)
			ch := New(Config{ChannelConfig: testConfig, Nick: ourNick})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				ch.out = testOutbox(0)
				if err := ch.SendPrivate(otherNick, name, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
