package onion

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// Nicks of the tests.
const (
	me    protocol.Nick = "J5RtdqCV2FhX92mO"
	alice protocol.Nick = "J54ArGJCoQNAPu4T"
	bob   protocol.Nick = "J5wYfMwnWU6dz8xO"
	carol protocol.Nick = "J57kBFfuy7ftnKvK"
)

// service is the location of an onion service, each n another.
func service(n byte) string { return onion.OnionHost(append(make([]byte, 31), n)) + ":5222" }

// world is a channel and what it dials, in the time of a synctest bubble.
type world struct {
	t   *testing.T
	c   *Channel
	end context.CancelFunc

	mu     sync.Mutex
	events []channel.Event
	dialed []string
	ids    map[string]string     // identities of what was dialled last, by location
	places map[string]chan *peer // where somebody answers
}

// inWorld runs a test with a channel that has the directories given. For each of
// them somebody answers who says nothing yet.
func inWorld(t *testing.T, cfg Config, directories []string, test func(t *testing.T, w *world)) {
	t.Helper()
	inWorldAt(t, cfg, onion.NotServing, directories, test)
}

// inWorldAt is inWorld with a channel that can be reached at a location.
func inWorldAt(t *testing.T, cfg Config, at onion.Location, directories []string, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, places: make(map[string]chan *peer), ids: make(map[string]string)}
		for _, d := range directories {
			w.open(d)
		}
		cfg.Name, cfg.Nick, cfg.Network, cfg.Directories, cfg.Dial = "pit", cmp.Or(cfg.Nick, me), cmp.Or(cfg.Network, "signet"), directories, w.dial
		w.c = New(cfg)
		w.c.location = at
		ctx, cancel := context.WithCancel(t.Context())
		w.end = cancel
		done := make(chan error, 1)
		go func() { done <- w.c.Run(ctx, w.hear) }()
		synctest.Wait()
		test(t, w)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// open has somebody answer at a location.
func (w *world) open(at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places[at] = make(chan *peer, 64)
}

// shut has nobody answer there any more.
func (w *world) shut(at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.places, at)
}

func (w *world) dial(_ context.Context, identity, address string) (net.Conn, error) {
	w.mu.Lock()
	place := w.places[address]
	w.dialed = append(w.dialed, address)
	w.ids[address] = identity
	w.mu.Unlock()
	if identity == "" {
		w.t.Error("dialled without an identity")
	}
	if place == nil {
		return nil, errors.New("nobody is there")
	}
	ours, theirs := net.Pipe()
	place <- newPeer(w.t, theirs)
	return ours, nil
}

// dials counts how often a location was dialled.
func (w *world) dials(at string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.dialed {
		if d == at {
			n++
		}
	}
	return n
}

func (w *world) hear(ev channel.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, ev)
}

// heard are the events since the last call.
func (w *world) heard() []channel.Event {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

// wants compares the events since the last call, but for those of the channel's
// state, with those given.
func (w *world) wants(want ...channel.Event) {
	w.t.Helper()
	got := slices.DeleteFunc(w.heard(), func(ev channel.Event) bool {
		_, ok := ev.(channel.State)
		return ok
	})
	for i, ev := range got {
		if p, ok := ev.(channel.Private); ok {
			p.Way = 0
			got[i] = p
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("events %+v\nwant %+v", got, want)
	}
}

// state is where the channel stands, as the session was told.
func (w *world) state() control.ChannelState {
	synctest.Wait()
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	return w.c.state
}

// accept is the next connection that was dialled to a location.
func (w *world) accept(at string) *peer {
	w.t.Helper()
	select {
	case p := <-w.places[at]:
		return p
	case <-time.After(time.Hour):
		w.t.Fatalf("%s is not dialled", at)
		return nil
	}
}

// directory greets the next connection to a location as a directory.
func (w *world) directory(at string, features ...string) *peer {
	w.t.Helper()
	p := w.accept(at)
	if m := p.next(); m.Type != onion.HelloClient {
		w.t.Fatalf("the first line is %v", m)
	}
	p.say(onion.DirectoryHello{Features: features, Accepted: true, Nick: "J5CNBeYocb6s15tD", Network: "signet"}.Message())
	synctest.Wait()
	return p
}

// maker greets the next connection to a location as a maker.
func (w *world) maker(at string, nick protocol.Nick) *peer {
	w.t.Helper()
	p := w.accept(at)
	if m := p.next(); m.Type != onion.HelloClient {
		w.t.Fatalf("the first line is %v", m)
	}
	p.say(onion.ClientHello{Location: onion.Location(at), Nick: nick, Network: "signet"}.Message())
	synctest.Wait()
	return p
}

// visit connects to the channel as a taker does, and greets it.
func (w *world) visit(nick protocol.Nick) *peer {
	w.t.Helper()
	p := w.knock()
	p.say(onion.ClientHello{Location: onion.NotServing, Nick: nick, Network: "signet"}.Message())
	if m := p.next(); m.Type != onion.HelloClient {
		w.t.Fatalf("the first line is %v", m)
	}
	synctest.Wait()
	return p
}

// knock connects to the channel and says nothing.
func (w *world) knock() *peer {
	ours, theirs := net.Pipe()
	w.c.admit(ours)
	return newPeer(w.t, theirs)
}

// peer is the other end of a connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   chan onion.Message // closed with the connection
}

func newPeer(t *testing.T, conn net.Conn) *peer {
	p := &peer{t, conn, make(chan onion.Message, 4096)}
	go func() {
		defer close(p.in)
		r := onion.NewReader(conn, nil)
		for {
			m, err := r.Read()
			if err != nil {
				return
			}
			p.in <- m
		}
	}()
	return p
}

// say sends messages; the other end may have closed.
func (p *peer) say(all ...onion.Message) {
	for _, m := range all {
		line, err := m.Append(nil)
		if err != nil {
			p.t.Fatal(err)
		}
		p.raw(string(line))
	}
}

func (p *peer) raw(text string) { p.conn.Write([]byte(text)) }

// public and private say lines of a nick.
func (p *peer) public(from protocol.Nick, body string) {
	p.say(onion.Line{From: from, Body: body}.Message())
}

func (p *peer) private(from protocol.Nick, body string) {
	p.say(onion.Line{From: from, To: me, Body: body}.Message())
}

// next is the next message.
func (p *peer) next() onion.Message {
	p.t.Helper()
	select {
	case m, ok := <-p.in:
		if !ok {
			p.t.Fatal("the connection is closed")
		}
		return m
	case <-time.After(time.Hour):
		p.t.Fatal("nothing is said")
	}
	return onion.Message{}
}

// said are the texts of what came until now; hellos and what keeps a connection
// alive left out.
func (p *peer) said() (texts []string) {
	synctest.Wait()
	for {
		select {
		case m, ok := <-p.in:
			if !ok {
				return texts
			}
			if m.Type == onion.Public || m.Type == onion.Private {
				texts = append(texts, m.Text)
			}
		default:
			return texts
		}
	}
}

// closed reports whether the other end has closed the connection.
func (p *peer) closed() bool {
	synctest.Wait()
	for {
		select {
		case _, ok := <-p.in:
			if !ok {
				return true
			}
		default:
			return false
		}
	}
}

func (p *peer) close() {
	p.conn.Close()
	synctest.Wait()
}
