package daemontest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Pit is a room where the members of a message channel meet, with the server
// that carries their lines. Its methods are safe from any goroutine.
type Pit struct {
	name, hostID string

	mu      sync.Mutex // protects the fields below and the queues of members
	members map[protocol.Nick]*Member
	down    bool
	said    []Line
	changed chan struct{} // closed and replaced when said grows
	lose    func(Line) bool
}

// Line is something that was said in a pit.
type Line struct {
	From protocol.Nick
	To   protocol.Nick // empty: to the room
	Text string        // "!group!group", or "!cmd msg pubkey signature"
}

// NewPit returns an empty pit. hostID is what private messages are signed for.
func NewPit(name, hostID string) *Pit {
	return &Pit{name: name, hostID: hostID, members: make(map[protocol.Nick]*Member), changed: make(chan struct{})}
}

// Join returns the channel of a nick. It is on the pit while Run runs.
func (p *Pit) Join(nick protocol.Nick) *Member {
	return &Member{pit: p, nick: nick, wake: make(chan struct{}, 1)}
}

// Lose makes the pit lose the lines for which f is true; nil loses none.
func (p *Pit) Lose(f func(Line) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = f
}

// Break loses the connections of all members until Mend.
func (p *Pit) Break() { p.setDown(true) }

// Mend ends Break.
func (p *Pit) Mend() { p.setDown(false) }

func (p *Pit) setDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for _, m := range p.members {
		m.tell(p.state())
	}
}

func (p *Pit) state() channel.State {
	if p.down {
		return channel.State{State: control.ChannelLost, Reason: "the pit broke"}
	}
	return channel.State{State: control.ChannelUp, HostID: p.hostID}
}

// Say says something to the room, or to one member, as somebody who needs no
// channel for that: a hostile participant. Nothing else is said between lines of
// one call.
func (p *Pit) Say(lines ...Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lines {
		p.carry(l)
	}
}

// Leave makes a nick leave in the eyes of all members.
func (p *Pit) Leave(nick protocol.Nick) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left(nick)
}

func (p *Pit) left(nick protocol.Nick) {
	for _, m := range p.members {
		if m.nick != nick {
			m.tell(channel.Left{Nick: nick})
		}
	}
}

// carry must be called with mu held.
func (p *Pit) carry(l Line) {
	p.said = append(p.said, l)
	close(p.changed)
	p.changed = make(chan struct{})
	if p.lose != nil && p.lose(l) {
		return
	}
	for _, m := range p.members {
		switch {
		case m.nick == l.From:
		case l.To == "":
			m.tell(channel.Public{From: l.From, Text: l.Text})
		case l.To == m.nick:
			m.tell(channel.Private{From: l.From, Text: l.Text})
		}
	}
}

// Lines returns all that was said so far, lost lines too.
func (p *Pit) Lines() []Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// Forget forgets what was said so far, in pits that live for long. Nobody may be
// in Await.
func (p *Pit) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = nil
}

// Await returns the first line from the given position on for which f is true,
// and the position behind it. It fails when ctx ends first.
func (p *Pit) Await(ctx context.Context, from int, f func(Line) bool) (Line, int, error) {
	for {
		p.mu.Lock()
		said, changed := p.said, p.changed
		p.mu.Unlock()
		for ; from < len(said); from++ {
			if f(said[from]) {
				return said[from], from + 1, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Line{}, from, fmt.Errorf("not said in %d lines: %w", len(said), ctx.Err())
		}
	}
}

// Nicks returns who is on the pit.
func (p *Pit) Nicks() []protocol.Nick {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.members))
}

// Member is a nick's connection to a pit, as a channel.Channel. What it is told
// waits in an unbounded queue, so that a slow reader does not stop the others.
type Member struct {
	pit  *Pit
	nick protocol.Nick
	wake chan struct{}

	queue []channel.Event // protected by pit.mu
}

var _ channel.Channel = (*Member)(nil)

// Name is the name of the pit.
func (m *Member) Name() string { return m.pit.name }

// tell must be called with pit.mu held.
func (m *Member) tell(ev channel.Event) {
	m.queue = append(m.queue, ev)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run is on the pit until ctx ends. It fails if the nick is taken.
func (m *Member) Run(ctx context.Context, sink func(channel.Event)) error {
	p := m.pit
	p.mu.Lock()
	if p.members[m.nick] != nil {
		p.mu.Unlock()
		return fmt.Errorf("nick %s is taken", m.nick)
	}
	p.members[m.nick] = m
	m.queue = nil
	m.tell(p.state())
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.members, m.nick)
		p.left(m.nick)
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
		}
		p.mu.Lock()
		queue := m.queue
		m.queue = nil
		p.mu.Unlock()
		for _, ev := range queue {
			sink(ev)
		}
	}
}

// SendPublic says the groups to the room as one line.
func (m *Member) SendPublic(groups []string) error {
	return m.send(Line{From: m.nick, Text: strings.Join(groups, "")})
}

// SendPrivate says a message to one member.
func (m *Member) SendPrivate(to protocol.Nick, command, body string) error {
	return m.send(Line{From: m.nick, To: to, Text: "!" + command + " " + body})
}

// SendLines says texts to one member, or to the room for an empty nick, as they
// are: for a channel that cuts its messages into lines by itself.
func (m *Member) SendLines(to protocol.Nick, texts []string) error {
	lines := make([]Line, len(texts))
	for i, text := range texts {
		lines[i] = Line{From: m.nick, To: to, Text: text}
	}
	return m.send(lines...)
}

func (m *Member) send(lines ...Line) error {
	m.pit.mu.Lock()
	defer m.pit.mu.Unlock()
	if m.pit.down || m.pit.members[m.nick] != m {
		return channel.ErrDown
	}
	for _, l := range lines {
		switch {
		case !protocol.Printable(l.Text):
			return channel.ErrText
		case len(l.Text) > protocol.MaxMessage:
			return channel.ErrTooLarge
		}
	}
	for _, l := range lines {
		m.pit.carry(l)
	}
	return nil
}
