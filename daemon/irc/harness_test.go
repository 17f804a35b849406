package irc

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const (
	ourNick   = protocol.Nick("J54Tz3gAo3zZh4MZ")
	otherNick = protocol.Nick("J5ENesYLEgVVH8Ls")
	thirdNick = protocol.Nick("J57DSUm6NfScN3T6")
)

// patience bounds each wait of a test: plenty for what comes, and in a synctest
// bubble it passes at once when nothing can come.
const patience = 20 * time.Second

// testOutbox is an outbox without a connection.
func testOutbox(interval time.Duration) *outbox { return newOutbox(newPace(interval), new(board)) }

// harness runs a channel against a server that the test plays itself.
type harness struct {
	t      testing.TB
	ch     *Channel
	events chan channel.Event
	conns  chan net.Conn // the server's ends
	ended  chan error    // what Run returned
	cancel context.CancelFunc
}

// start runs a channel with a configuration that the test may change.
func start(t testing.TB, change func(*Config)) *harness {
	t.Helper()
	h := &harness{
		t:      t,
		events: make(chan channel.Event, 4096),
		conns:  make(chan net.Conn),
		ended:  make(chan error, 1),
	}
	cfg := Config{
		ChannelConfig: control.ChannelConfig{
			Name: "test", Type: "irc", Host: "irc.example", Port: 6667, Room: "joinmarket-pit",
		},
		Nick:    ourNick,
		Network: "mainnet",
		Dial:    h.dial,
	}
	if change != nil {
		change(&cfg)
	}
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(context.Background())
	t.Cleanup(h.cancel)
	h.ch = New(cfg)
	go func() { h.ended <- h.ch.Run(ctx, func(e channel.Event) { h.events <- e }) }()
	h.wantState(control.ChannelConnecting)
	return h
}

func (h *harness) dial(ctx context.Context, network, address string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case h.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// stop ends the channel and fails if it does not return nil.
func (h *harness) stop() {
	h.t.Helper()
	h.cancel()
	if err := h.result(); err != nil {
		h.t.Errorf("Run returned %v", err)
	}
}

// result waits for Run to return.
func (h *harness) result() error {
	h.t.Helper()
	select {
	case err := <-h.ended:
		return err
	case <-time.After(patience):
		h.t.Fatal("Run does not return")
		return nil
	}
}

// event waits for the next event, for at most an hour of a bubble's time.
func (h *harness) event(within time.Duration) channel.Event {
	h.t.Helper()
	select {
	case e := <-h.events:
		return e
	case <-time.After(within):
		h.t.Fatal("no event")
		return nil
	}
}

func (h *harness) want(want channel.Event) {
	h.t.Helper()
	if got := h.event(patience); got != want {
		h.t.Fatalf("event %#v, want %#v", got, want)
	}
}

// wantState waits for a change of state within ten minutes.
func (h *harness) wantState(want control.ChannelState) channel.State {
	h.t.Helper()
	got, ok := h.event(10 * time.Minute).(channel.State)
	if !ok || got.State != want {
		h.t.Fatalf("event %#v, want state %q", got, want)
	}
	return got
}

// wantNothing fails if an event is there already.
func (h *harness) wantNothing() {
	h.t.Helper()
	select {
	case e := <-h.events:
		h.t.Fatalf("unexpected event %#v", e)
	default:
	}
}

// peer is the server's end of one connection.
type peer struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func newPeer(t testing.TB, conn net.Conn) *peer { return &peer{t, conn, bufio.NewReader(conn)} }

// accept waits for the channel to connect.
func (h *harness) accept() *peer {
	h.t.Helper()
	select {
	case conn := <-h.conns:
		return newPeer(h.t, conn)
	case <-time.After(20 * time.Minute):
		h.t.Fatal("no connection")
		return nil
	}
}

func (p *peer) say(lines ...string) {
	p.t.Helper()
	for _, line := range lines {
		p.conn.SetWriteDeadline(time.Now().Add(patience))
		if _, err := p.conn.Write([]byte(line + "\r\n")); err != nil {
			p.t.Fatalf("saying %.80q: %v", line, err)
		}
	}
}

// hear reads the next line of the channel.
func (p *peer) hear() string {
	p.t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
	line, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("hearing: %v", err)
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsAny(text, "\r\n\x00") {
		p.t.Fatalf("heard %q, which is not one line", line)
	}
	return text
}

func (p *peer) want(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got := p.hear(); got != want {
			p.t.Fatalf("heard %q\n want %q", got, want)
		}
	}
}

// hears reads in the background what the channel says, so that it never has to
// wait for the test.
func (p *peer) hears() <-chan string {
	heard := make(chan string, 4096)
	go func() {
		defer close(heard)
		p.conn.SetReadDeadline(time.Time{})
		for {
			line, err := p.r.ReadString('\n')
			if err != nil {
				return
			}
			heard <- strings.TrimSuffix(line, "\r\n")
		}
	}()
	return heard
}

// welcome plays a server's part until the channel is up.
func (p *peer) welcome(h *harness) {
	p.t.Helper()
	nick := string(h.ch.cfg.Nick)
	p.want("NICK "+nick, "USER "+nick+" foo bar :None")
	p.say(":srv.example 001 "+nick+" :Welcome", ":srv.example 005 "+nick+" NETWORK=testnet0 :is my network name")
	p.want("JOIN " + h.ch.room)
	p.say(":" + nick + "!~u@host JOIN :" + h.ch.room)
	p.want("MODE " + nick + " +B")
	h.want(channel.State{State: control.ChannelUp, HostID: "testnet0"})
}

// startUp runs a channel up to where it can be used.
func startUp(t testing.TB, change func(*Config)) (*harness, *peer) {
	t.Helper()
	h := start(t, change)
	p := h.accept()
	p.welcome(h)
	return h, p
}

// prompt is the configuration of tests in which the pace is of no concern.
func prompt(cfg *Config) { cfg.LineInterval = -1 }

// from is a line of a nick.
func from(nick protocol.Nick, rest string) string {
	return ":" + string(nick) + "!~u@host.example " + rest
}
