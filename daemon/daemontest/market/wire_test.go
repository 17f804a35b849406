package market

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// place is a pit and what is signed for it.
type place struct {
	*daemontest.Pit
	name, hostID string
}

// room is what the rooms are called in lines.
const room = "#joinmarket-pit"

// wire is a daemon's channel to a pit. It cuts what the daemon says into lines
// and puts lines together, as IRC does, and shows all of it to the ledger.
type wire struct {
	*daemontest.Member
	at   *place
	nick protocol.Nick
	book *ledger
	echo chan<- echo // gets each private message; nil: nobody does

	mu  sync.Mutex
	met map[protocol.Nick]bool // was heard here
}

var _ channel.Channel = (*wire)(nil)

// Run passes on what the pit says.
func (w *wire) Run(ctx context.Context, sink func(channel.Event)) error {
	return w.Member.Run(ctx, hearing(func(ev channel.Event) {
		switch ev := ev.(type) {
		case channel.Public:
			w.meet(ev.From)
		case channel.Private:
			w.meet(ev.From)
		}
		sink(ev)
	}))
}

// hearing puts lines together.
func hearing(sink func(channel.Event)) func(channel.Event) {
	joiner := chunk.NewJoiner(time.Now)
	return func(ev channel.Event) {
		switch e := ev.(type) {
		case channel.Public:
			text, err := chunk.Public(e.Text)
			if err != nil {
				return
			}
			ev = channel.Public{From: e.From, Text: text}
		case channel.Private:
			text, done, err := joiner.Add(e.From, e.Text)
			if err != nil || !done {
				return
			}
			ev = channel.Private{From: e.From, Text: text}
		case channel.Left:
			joiner.Drop(e.Nick)
		}
		sink(ev)
	}
}

func (w *wire) meet(nick protocol.Nick) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met[nick] = true
}

// SendPublic says groups to the room.
func (w *wire) SendPublic(groups []string) error {
	lines, err := chunk.Pack(room, groups)
	if err != nil {
		w.book.broken("%s has something for the room that no line carries: %v: %q", w.nick, err, groups)
		return channel.ErrText
	}
	w.book.saidPublic(w, groups)
	return w.say(room, "", lines)
}

// SendPrivate says a message to a nick.
func (w *wire) SendPrivate(to protocol.Nick, command, body string) error {
	lines, err := chunk.Split(to, command, body)
	switch {
	case errors.Is(err, chunk.ErrTooLarge):
		return channel.ErrTooLarge
	case err != nil:
		w.book.broken("%s has a %s for %s that no line carries: %v: %q", w.nick, command, to, err, body)
		return channel.ErrText
	}
	w.mu.Lock()
	met := w.met[to]
	w.mu.Unlock()
	w.book.saidPrivate(w, to, met, "!"+command+" "+body)
	err = w.say(string(to), to, lines)
	if err == nil && w.echo != nil {
		e := echo{at: time.Now(), on: w.at}
		for _, l := range lines {
			e.lines = append(e.lines, daemontest.Line{From: w.nick, To: to, Text: l})
		}
		select {
		case w.echo <- e:
		default: // the server has enough
		}
	}
	return err
}

func (w *wire) say(target string, to protocol.Nick, lines []string) error {
	for _, l := range lines {
		if n := len("PRIVMSG " + target + " :" + l); n > chunk.MaxLine {
			w.book.broken("%s says a line of %d bytes", w.nick, n)
		}
	}
	return w.SendLines(to, lines)
}

func (m *market) newChannel(cfg control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
	for _, p := range m.places {
		if p.name == cfg.Name {
			return &wire{Member: p.Join(nick), at: p, nick: nick, book: m.ledger, echo: m.echoes, met: make(map[protocol.Nick]bool)}, nil
		}
	}
	return nil, errors.New("no such pit")
}
