package market

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// stranger is a participant without a daemon of ours, who says raw lines. It has
// a goroutine of its own. Of what it says it notes in the ledger what is rightly
// said, and may be acted on; by all else nobody may be moved.
type stranger struct {
	m     *market
	kind  string
	nick  protocol.Nick
	dice  dice
	on    []*place
	inbox chan heard
	key   *session             // of its first conversation
	leave []context.CancelFunc // of its stay on each place; nil while it is away
}

// heard is a message to a stranger.
type heard struct {
	at   *place
	from protocol.Nick
	envelope.Envelope
}

func (m *market) newStranger(kind string, nick protocol.Nick) *stranger {
	s := &stranger{m: m, kind: kind, nick: nick, dice: newDice(m.seed, "stranger "+string(nick)), inbox: make(chan heard, 10_000)}
	s.on = some(s.dice, m.places)
	s.key = s.dice.session()
	return s
}

// come has it on its places until go away, or the end of ctx.
func (s *stranger) come(ctx context.Context) {
	for _, p := range s.on {
		ctx, cancel := context.WithCancel(ctx)
		s.leave = append(s.leave, cancel)
		member := p.Join(s.nick)
		s.m.strangers.Go(func() {
			member.Run(ctx, hearing(func(ev channel.Event) {
				private, ok := ev.(channel.Private)
				if !ok {
					return
				}
				e, err := envelope.Parse(private.Text)
				if err != nil {
					return
				}
				select {
				case s.inbox <- heard{p, private.From, e}:
				default: // it does not listen
				}
			}))
		})
	}
}

func (s *stranger) goAway() {
	for _, leave := range s.leave {
		leave()
	}
	s.leave = nil
}

// sleep waits; it reports false at the end of the run.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// line says a raw line under its nick.
func (s *stranger) line(at *place, to protocol.Nick, text string) {
	at.Say(daemontest.Line{From: s.nick, To: to, Text: text})
}

// envelope says a private message whatever it is, in as many lines as it takes.
func (s *stranger) envelope(at *place, to protocol.Nick, e envelope.Envelope) {
	texts, err := chunk.Split(to, string(e.Command), e.Body())
	if err != nil {
		return
	}
	lines := make([]daemontest.Line, len(texts))
	for i, text := range texts {
		lines[i] = daemontest.Line{From: s.nick, To: to, Text: text}
	}
	at.Say(lines...)
}

// say says a private message, signed as it should be.
func (s *stranger) say(at *place, to protocol.Nick, command protocol.Command, msg string) {
	s.envelope(at, to, signed(s.nick, command, msg, at.hostID))
}

// forge says a private message under its nick whose proof is not right.
func (s *stranger) forge(at *place, to protocol.Nick, command protocol.Command, msg string) {
	e := signed(s.nick, command, msg, at.hostID)
	switch s.dice.IntN(5) {
	case 0:
		e = signed(to, command, msg, at.hostID) // another's key
	case 1:
		e = signed(s.nick, command, msg, at.hostID+"x")
	case 2:
		e.Msg = mutate(s.dice, e.Msg)
	case 3:
		e.PubKey = strings.ToUpper(e.PubKey)
	case 4:
		e.Signature = e.Signature[:len(e.Signature)-4] + "AAAA"
	}
	if e != signed(s.nick, command, msg, at.hostID) {
		s.envelope(at, to, e)
	}
}

// public says something to a room.
func (s *stranger) public(at *place, text string) { s.line(at, "", text) }

// mutate changes a text a little.
func mutate(d dice, text string) string {
	b := []byte(text)
	for range d.between(1, 3) {
		if len(b) == 0 {
			return "x"
		}
		i := d.IntN(len(b))
		switch d.IntN(6) {
		case 0:
			b[i] = byte(d.between(' ', '~'))
		case 1:
			b = append(b[:i], b[i+1:]...)
		case 2:
			b = append(b[:i:i], append([]byte(d.junk(10)), b[i:]...)...)
		case 3:
			b = b[:i]
		case 4:
			b = append(b, b[i:]...)
		case 5:
			b = append(b, " !fill 0 1"...)
		}
	}
	return string(b)
}

// session is a stranger's session key and the boxes it made with those of
// others.
type session struct {
	*seal.Key
	boxes map[string]*seal.Box
}

func (d dice) session() *session {
	key, err := seal.KeyFromSecret([32]byte(d.bytes(32)))
	if err != nil {
		panic(err)
	}
	return &session{key, make(map[string]*seal.Box)}
}

// box is that with the owner of another key; nil if that is none.
func (s *session) box(other string) *seal.Box {
	b, ok := s.boxes[other]
	if !ok {
		b, _ = s.With(other)
		s.boxes[other] = b
	}
	return b
}

// seal boxes a text; what cannot be boxed is sent as nonsense.
func (s *session) seal(other, text string) string {
	if b := s.box(other); b != nil {
		if boxed, err := b.Seal(text); err == nil {
			return boxed
		}
	}
	return "AAAA"
}

// opens reports whether a box is of the owner of another key.
func (s *session) opens(other, text string) bool {
	b := s.box(other)
	if b == nil {
		return false
	}
	_, err := b.Open(text)
	return err == nil
}

// next is the next message to the stranger that one sent with a command; none
// when the time is over.
func (s *stranger) next(ctx context.Context, from protocol.Nick, command protocol.Command, most time.Duration) (heard, bool) {
	timeout := time.After(most)
	for {
		select {
		case h := <-s.inbox:
			if h.from == from && h.Command == command {
				return h, true
			}
		case <-timeout:
			return heard{}, false
		case <-ctx.Done():
			return heard{}, false
		}
	}
}

// elsewhere is a place where the stranger is, perhaps another one.
func (s *stranger) elsewhere() *place { return pick(s.dice, s.on) }

func (s *stranger) String() string { return fmt.Sprintf("%s (%s)", s.nick, s.kind) }
