package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/client/control"
	wire "github.com/joinmarket-go/joinmarket/protocol/control"
)

// house is a daemon's end that knows resume, played by the test.
type house struct {
	t      *testing.T
	absent bool        // nobody can be reached
	secret wire.Secret // that is demanded
	forgot bool        // it knows no token
	answer wire.ResumeAnswer
	hold   bool // no command is answered
	// met, if not nil, is done before a resume is answered.
	met func()

	mu    sync.Mutex
	conns []*wire.Conn
	ncs   []net.Conn
	got   []string // requests
}

func (h *house) dial(context.Context) (net.Conn, wire.Secret, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.absent {
		return nil, "", control.ErrAbsent
	}
	ours, theirs := net.Pipe()
	h.ncs = append(h.ncs, ours)
	go func() {
		conn, err := wire.Accept(context.Background(), theirs, wire.Config{Features: []string{wire.FeatureResume}, Secret: h.secret})
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns = append(h.conns, conn)
		h.mu.Unlock()
		conn.Run(context.Background(), h)
	}()
	return ours, "sesame", nil
}

var grant = wire.Resumption{Token: wire.Credential(strings.Repeat("ab", 32)), Grace: time.Minute}

func (h *house) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	h.mu.Lock()
	h.got = append(h.got, method)
	hold := h.hold
	h.mu.Unlock()
	switch {
	case method == wire.MethodStart:
		return wire.StartAnswer{Channels: []string{"a"}, Resumption: grant}, nil
	case method == wire.MethodResume && h.forgot:
		return nil, wire.ErrResume
	case method == wire.MethodResume:
		r, err := wire.Decode[wire.ResumeRequest](params)
		if err != nil || r.Token != grant.Token || r.Events != 1 {
			h.t.Errorf("%+v, %v", r, err)
		}
		if h.met != nil {
			h.met()
		}
		a := h.answer
		a.Resumption, a.Role, a.Nick = grant, wire.RoleMaker, nick
		return a, nil
	case hold && method != wire.MethodStatus:
		<-ctx.Done()
	}
	return nil, nil
}

func (*house) Event(string, json.RawMessage) {}

// cut breaks the latest connection.
func (h *house) cut() {
	h.mu.Lock()
	h.ncs[len(h.ncs)-1].Close()
	h.mu.Unlock()
	synctest.Wait()
}

// inHouse starts a session, with one event told, in a bubble of its own time.
func inHouse(t *testing.T, test func(t *testing.T, h *house, d *control.Daemon)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, secret: "sesame"}
		d, err := control.Open(t.Context(), h.dial, wire.Config{Software: "jm"}, signer{})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { d.Run(context.Background()); close(ended) }()
		if _, err := d.Start(t.Context(), wire.StartRequest{Role: wire.RoleMaker, Nick: nick, Network: "regtest"}); err != nil {
			t.Fatal(err)
		}
		h.conns[0].Notify(wire.EventReady, wire.ReadyEvent{})
		synctest.Wait()
		test(t, h, d)
		d.Close()
		<-ended
		for _, c := range h.conns {
			c.Close()
		}
		synctest.Wait()
	})
}

// TestComesBack: a command that waits for its answer when the connection breaks
// is repeated on the next, and the session goes on.
func TestComesBack(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house, d *control.Daemon) {
		h.hold = true
		refreshed := make(chan error, 1)
		go func() { refreshed <- d.Refresh(context.Background()) }()
		synctest.Wait()
		h.mu.Lock()
		h.absent = true
		h.mu.Unlock()
		h.cut()
		time.Sleep(50 * time.Second) // longer than any wait between attempts
		if d.Err() != nil {
			t.Fatal(d.Err())
		}
		h.mu.Lock()
		h.absent, h.hold = false, false
		h.mu.Unlock()
		if err := <-refreshed; err != nil {
			t.Error(err)
		}
		if want := []string{"start", "refresh", "resume", "status", "refresh"}; !slices.Equal(h.got, want) {
			t.Errorf("asked for %v, want %v", h.got, want)
		}
	})
}

// TestSessionIsOver: when there is no way back the session ends with the reason,
// and so does what waits for it.
func TestSessionIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*house)
		want   error
		after  time.Duration // at most
	}{
		"daemon restarted":    {func(h *house) { h.forgot = true }, wire.ErrResume, time.Second},
		"daemon gone":         {func(h *house) { h.absent = true }, wire.ErrClosed, time.Minute},
		"secret changed":      {func(h *house) { h.secret = "other" }, wire.ErrClosed, time.Minute},
		"too much to be kept": {func(h *house) { h.answer.Missed = 3 }, control.ErrMissed, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house, d *control.Daemon) {
				h.mu.Lock()
				c.change(h)
				h.mu.Unlock()
				start := time.Now()
				h.cut()
				if err := d.Refresh(context.Background()); !errors.Is(err, c.want) || !errors.Is(d.Err(), c.want) {
					t.Errorf("%v, %v; want %v", err, d.Err(), c.want)
				}
				if took := time.Since(start); took > c.after {
					t.Errorf("after %v", took)
				}
			})
		})
	}
}

// TestDaemonSaysGoodbye: a daemon that ends the connection with a reason has
// ended the session; one for which we were too slow has not.
func TestDaemonSaysGoodbye(t *testing.T) {
	for _, c := range []struct {
		why  wire.Code
		back bool
	}{{wire.ErrClosed, false}, {wire.ErrMalformed, false}, {wire.ErrSlow, true}, {wire.ErrTimeout, true}} {
		inHouse(t, func(t *testing.T, h *house, d *control.Daemon) {
			h.conns[0].Abort(c.why)
			if err := d.Refresh(context.Background()); (err == nil) != c.back {
				t.Errorf("%s: %v", c.why, err)
			}
		})
	}
}

// TestCloseSaysLeave, so that the daemon does not wait for us.
func TestCloseSaysLeave(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house, d *control.Daemon) {
		d.Close()
		if h.got[len(h.got)-1] != wire.MethodLeave {
			t.Errorf("asked for %v", h.got)
		}
	})
}

// TestCloseWhileComingBack, as the client gives up just when the daemon has taken
// it back: nobody waits for anybody.
func TestCloseWhileComingBack(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house, d *control.Daemon) {
		h.met = d.Close
		h.cut()
		<-d.Done()
		synctest.Wait()
		if h.got[len(h.got)-1] != wire.MethodLeave {
			t.Errorf("asked for %v", h.got)
		}
		for i, c := range h.conns {
			if c.Err() == nil {
				t.Errorf("connection %d is open", i)
			}
		}
	})
}
