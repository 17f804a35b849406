package client

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/client/identity"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const secret = control.Secret("open sesame")

// daemon is the other end of a session, played by the test.
type daemon struct {
	*control.Conn
	started chan control.StartRequest
	refuse  error // answers start
}

func (d *daemon) Event(string, json.RawMessage) {}

func (d *daemon) Request(_ context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case control.MethodStart:
		r, err := control.Decode[control.StartRequest](params)
		if err != nil {
			return nil, err
		}
		d.started <- r
		return control.StartAnswer{Channels: []string{"one"}}, d.refuse
	case control.MethodAnnounce:
		return nil, nil
	}
	return nil, control.ErrUnknownMethod
}

// dial returns a Dial whose connections end at daemons that the test receives.
func dial(t *testing.T, refuse error) (func(context.Context) (net.Conn, control.Secret, error), <-chan *daemon) {
	accepted := make(chan *daemon, 16)
	return func(context.Context) (net.Conn, control.Secret, error) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		t.Cleanup(func() { <-done })
		go func() {
			defer close(done)
			conn, err := control.Accept(context.Background(), theirs, control.Config{Software: "test", Secret: secret})
			if err != nil {
				return
			}
			d := &daemon{Conn: conn, started: make(chan control.StartRequest, 4), refuse: refuse}
			accepted <- d
			conn.Run(context.Background(), d)
		}()
		return ours, secret, nil
	}, accepted
}

func within[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s within 10 s", what)
		panic("not reached")
	}
}

func TestSession(t *testing.T) {
	channels := []control.ChannelConfig{{Name: "one", Type: "irc", Host: "localhost", Port: 6667, Room: "pit"}}
	progress := make(chan control.ChannelEvent, 4)
	alerts := make(chan control.AlertEvent, 4)
	connect, accepted := dial(t, nil)
	s, err := Connect(t.Context(), Config{
		Dial: connect, Role: control.RoleMaker, Network: "regtest", Channels: channels, Software: "jm test",
		Progress: func(e control.ChannelEvent) { progress <- e },
		Alert:    func(e control.AlertEvent) { alerts <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := within(t, accepted, "connection")
	r := within(t, d.started, "start")
	if r.Role != control.RoleMaker || r.Nick != s.Nick() || !r.Nick.Valid() || r.Network != "regtest" || !reflect.DeepEqual(r.Channels, channels) {
		t.Errorf("started with %+v", r)
	}

	// The daemon has messages signed and verified by the session's key.
	var signed control.SignAnswer
	if err := d.Call(t.Context(), control.QuestionSign,
		control.SignRequest{To: "J5other111111111", Command: "pubkey", Text: "hellojmlab", HostID: "jmlab"}, &signed); err != nil {
		t.Fatal(err)
	}
	if identity.NickOf(signed.PubKey) != s.Nick() {
		t.Errorf("signed by the key of %s", identity.NickOf(signed.PubKey))
	}
	var verdict control.VerifyAnswer
	question := control.VerifyRequest{Nick: s.Nick(), Text: "hellojmlab", HostID: "jmlab", PubKey: signed.PubKey, Signature: signed.Signature}
	if err := d.Call(t.Context(), control.QuestionVerify, question, &verdict); err != nil || !verdict.Valid {
		t.Errorf("our own signature: valid %v, %v", verdict.Valid, err)
	}

	waiting, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ready(waiting); !errors.Is(err, context.Canceled) {
		t.Errorf("ready before the daemon said so: %v", err)
	}
	up := control.ChannelEvent{Channel: "one", State: control.ChannelUp, HostID: "jmlab"}
	ended := control.EndedEvent{Conversation: 1, Taker: "J5other111111111", Reason: protocol.ReasonLeft}
	for _, e := range []struct {
		name  string
		event any
	}{
		{control.EventChannel, up},
		{control.EventAlert, control.AlertEvent{Channel: "one", Text: "upgrade"}},
		{control.EventReady, control.ReadyEvent{Channels: []string{"one"}}},
		{control.EventReady, control.ReadyEvent{Channels: []string{"one"}}},
		{control.EventEnded, ended},
	} {
		if err := d.Notify(e.name, e.event); err != nil {
			t.Fatal(err)
		}
	}
	if got := within(t, s.Events(), "event"); got != ended {
		t.Errorf("event %+v, want %+v", got, ended)
	}
	if got := within(t, alerts, "alert"); got.Text != "upgrade" {
		t.Errorf("alert %+v", got)
	}
	if got := within(t, progress, "progress"); got != up {
		t.Errorf("progress %+v, want %+v", got, up)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Announce(t.Context(), control.AnnounceRequest{}); err != nil {
		t.Error(err)
	}
}

// TestBondQuestion: a maker with a bond proves it under the nick of its session;
// without one the question is unknown.
func TestBondQuestion(t *testing.T) {
	const asks protocol.Nick = "J5other111111111"
	var got [2]protocol.Nick
	prove := func(taker, maker protocol.Nick) (string, error) {
		got = [2]protocol.Nick{taker, maker}
		return strings.Repeat("A", 336), nil
	}
	for _, cfg := range []Config{{Bond: prove}, {}} {
		connect, accepted := dial(t, nil)
		cfg.Dial, cfg.Role, cfg.Network = connect, control.RoleMaker, "regtest"
		s, err := Connect(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		d := within(t, accepted, "connection")
		within(t, d.started, "start")
		var answer control.BondAnswer
		err = d.Call(t.Context(), control.QuestionBond, control.BondRequest{Taker: asks}, &answer)
		if cfg.Bond == nil {
			if !errors.Is(err, control.ErrUnknownMethod) {
				t.Errorf("without a bond: %v", err)
			}
			continue
		}
		if err != nil || len(answer.Proof) != 336 || got != [2]protocol.Nick{asks, s.Nick()} {
			t.Errorf("%+v for %v, %v", answer, got, err)
		}
	}
}

// TestReadyBehindOtherEvents: what strangers make the daemon tell before the
// market is ready does not keep us from hearing that it is, and is not lost.
func TestReadyBehindOtherEvents(t *testing.T) {
	connect, accepted := dial(t, nil)
	s, err := Connect(t.Context(), Config{Dial: connect, Role: control.RoleMaker, Network: "regtest"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := within(t, accepted, "connection")
	insult := control.ErrorEvent{Nick: "J5other111111111", Text: "you"}
	for range 3 {
		if err := d.Notify(control.EventError, insult); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Notify(control.EventReady, control.ReadyEvent{Channels: []string{"one"}}); err != nil {
		t.Fatal(err)
	}
	ready := make(chan error, 1)
	go func() { ready <- s.Ready(t.Context()) }()
	if err := within(t, ready, "readiness"); err != nil {
		t.Error(err)
	}
	for range 3 {
		if got := within(t, s.Events(), "event"); got != insult {
			t.Errorf("event %+v, want %+v", got, insult)
		}
	}
}

// TestNobodyReadsEvents: events that pile up end the session, and whoever waits
// for the market learns of it.
func TestNobodyReadsEvents(t *testing.T) {
	connect, accepted := dial(t, nil)
	s, err := Connect(t.Context(), Config{Dial: connect, Role: control.RoleMaker, Network: "regtest"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := within(t, accepted, "connection")
	for d.Notify(control.EventError, control.ErrorEvent{Nick: "J5other111111111", Text: "you"}) == nil {
	}
	ready := make(chan error, 1)
	go func() { ready <- s.Ready(t.Context()) }()
	if err := within(t, ready, "end of the wait"); !errors.Is(err, control.ErrSlow) {
		t.Errorf("waiting for the market: %v", err)
	}
}

func TestP8NewNickEachSession(t *testing.T) {
	connect, _ := dial(t, nil)
	nicks := make(map[protocol.Nick]bool)
	for range 5 {
		s, err := Connect(t.Context(), Config{Dial: connect, Role: control.RoleTaker, Network: "regtest"})
		if err != nil {
			t.Fatal(err)
		}
		nicks[s.Nick()] = true
		s.Close()
	}
	if len(nicks) != 5 {
		t.Errorf("%d nicks for 5 sessions", len(nicks))
	}
}

func TestDaemonVanishes(t *testing.T) {
	connect, accepted := dial(t, nil)
	s, err := Connect(t.Context(), Config{Dial: connect, Role: control.RoleMaker, Network: "regtest"})
	if err != nil {
		t.Fatal(err)
	}
	d := within(t, accepted, "connection")
	d.Close()
	if e, open := <-s.Events(); open {
		t.Errorf("event %+v after the end", e)
	}
	if s.Err() == nil || s.Ready(t.Context()) == nil || s.Announce(t.Context(), control.AnnounceRequest{}) == nil {
		t.Error("a session without a daemon has no error")
	}
	s.Close()
	s.Close() // does nothing
}

// Close returns although nobody reads the events.
func TestCloseUnread(t *testing.T) {
	connect, accepted := dial(t, nil)
	s, err := Connect(t.Context(), Config{Dial: connect, Role: control.RoleMaker, Network: "regtest"})
	if err != nil {
		t.Fatal(err)
	}
	d := within(t, accepted, "connection")
	for range 10 {
		if err := d.Notify(control.EventEnded, control.EndedEvent{Conversation: 1, Taker: "J5other111111111", Reason: "left"}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
}

func TestConnectFails(t *testing.T) {
	connect, _ := dial(t, control.ErrState)
	unreachable := errors.New("nobody there")
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   error
	}{
		{"nobody there", func(c *Config) {
			c.Dial = func(context.Context) (net.Conn, control.Secret, error) { return nil, "", unreachable }
		}, unreachable},
		{"wrong secret", func(c *Config) {
			c.Dial = func(ctx context.Context) (net.Conn, control.Secret, error) {
				nc, _, err := connect(ctx)
				return nc, "wrong", err
			}
		}, control.ErrUnauthorized},
		{"start refused", func(*Config) {}, control.ErrState},
		{"bad configuration", func(c *Config) { c.Network = strings.Repeat("x", 1000) }, control.ErrBadRequest},
	} {
		cfg := Config{Dial: connect, Role: control.RoleMaker, Network: "regtest"}
		c.change(&cfg)
		if _, err := Connect(t.Context(), cfg); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
