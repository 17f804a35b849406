package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// funcs is a Handler made of functions; nil ones refuse and ignore.
type funcs struct {
	request func(ctx context.Context, method string, params json.RawMessage) (any, error)
	event   func(name string, params json.RawMessage)
}

func (f funcs) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	if f.request == nil {
		return nil, fmt.Errorf("%w: %s", control.ErrUnknownMethod, method)
	}
	return f.request(ctx, method, params)
}

func (f funcs) Event(name string, params json.RawMessage) {
	if f.event != nil {
		f.event(name, params)
	}
}

// echo answers every request with its parameters.
var echo = funcs{request: func(_ context.Context, _ string, params json.RawMessage) (any, error) {
	return params, nil
}}

// connect does the hellos over nc1 (client) and nc2 (daemon).
func connect(t testing.TB, nc1, nc2 net.Conn, cfg control.Config) (client, daemon *control.Conn) {
	t.Helper()
	accepted := make(chan error, 1)
	go func() {
		var err error
		daemon, err = control.Accept(t.Context(), nc2, cfg)
		accepted <- err
	}()
	client, err := control.Connect(t.Context(), nc1, cfg)
	if err := errors.Join(err, <-accepted); err != nil {
		t.Fatal(err)
	}
	return client, daemon
}

// run runs a connection until the test ends and checks that it does end.
func run(t testing.TB, c *control.Conn, h control.Handler) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(context.Background(), h)
	}()
	t.Cleanup(func() {
		c.Close()
		<-ended
	})
}

func pair(t testing.TB, clientHandler, daemonHandler control.Handler) (client, daemon *control.Conn) {
	t.Helper()
	nc1, nc2 := net.Pipe()
	client, daemon = connect(t, nc1, nc2, control.Config{Software: "test 1"})
	run(t, client, clientHandler)
	run(t, daemon, daemonHandler)
	return client, daemon
}

type note struct {
	Number int    `json:"number"`
	Text   string `json:"text,omitempty"`
}

func TestCallBothWays(t *testing.T) {
	client, daemon := pair(t, echo, echo)
	for _, c := range []*control.Conn{client, daemon} {
		var got note
		if err := c.Call(t.Context(), "echo", note{7, "<ü>"}, &got); err != nil || got != (note{7, "<ü>"}) {
			t.Errorf("echo: %v, %v", got, err)
		}
	}
}

// TestConcurrentCalls makes more calls at once than may be outstanding, both
// ways, with handlers of the daemon that call back.
func TestConcurrentCalls(t *testing.T) {
	nc1, nc2 := net.Pipe()
	client, daemon := connect(t, nc1, nc2, control.Config{})
	run(t, client, echo)
	run(t, daemon, funcs{request: func(ctx context.Context, _ string, params json.RawMessage) (any, error) {
		var got note
		err := daemon.Call(ctx, "echo", params, &got)
		return got, err
	}})
	var wg sync.WaitGroup
	for i := range 4 * control.MaxOutstanding {
		for _, c := range []*control.Conn{client, daemon} {
			wg.Go(func() {
				var got note
				if err := c.Call(t.Context(), "echo", note{Number: i}, &got); err != nil || got.Number != i {
					t.Errorf("call %d: %v, %v", i, got, err)
				}
			})
		}
	}
	wg.Wait()
}

func TestOrder(t *testing.T) {
	const events = 500
	var got []int
	nc1, nc2 := net.Pipe()
	client, daemon := connect(t, nc1, nc2, control.Config{})
	run(t, client, funcs{event: func(_ string, params json.RawMessage) {
		n, err := control.Decode[note](params)
		if err != nil {
			t.Error(err)
		}
		got = append(got, n.Number)
	}})
	run(t, daemon, funcs{request: func(context.Context, string, json.RawMessage) (any, error) {
		for i := range events {
			if err := daemon.Notify("count", note{Number: i}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}})
	if err := client.Call(t.Context(), "count", nil, nil); err != nil {
		t.Fatal(err)
	}
	// The answer left after the events, so they are all here.
	if len(got) != events {
		t.Fatalf("%d events before the answer, want %d", len(got), events)
	}
	for i, n := range got {
		if n != i {
			t.Fatalf("event %d came as number %d", n, i)
		}
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	client, _ := pair(t, funcs{}, funcs{request: func(_ context.Context, method string, _ json.RawMessage) (any, error) {
		switch method {
		case "state":
			return nil, fmt.Errorf("cannot tx: %w: no maker is ready\x1b[31m", control.ErrState)
		case "newer":
			return nil, fmt.Errorf("%w: text", control.Code("of-tomorrow"))
		case "forwarded":
			return nil, fmt.Errorf("asking: %w", &control.Error{Code: control.ErrLimit, Message: "full"})
		case "panic":
			panic("secret")
		}
		return nil, errors.New("secret path")
	}})
	for method, want := range map[string]struct {
		code error
		text string
	}{
		"state":     {control.ErrState, "state: cannot tx: not possible now: no maker is ready?[31m"},
		"newer":     {control.ErrRemote, "newer: of-tomorrow: text"},
		"forwarded": {control.ErrLimit, "forwarded: asking: full"},
		"other":     {control.ErrInternal, "other: internal error: the log of the answering side tells more"},
		"panic":     {control.ErrInternal, "panic: internal error: handler panicked"},
	} {
		err := client.Call(t.Context(), method, nil, nil)
		if !errors.Is(err, want.code) || err.Error() != want.text {
			t.Errorf("%s: %v", method, err)
		}
		var coded *control.Error
		if !errors.As(err, &coded) {
			t.Errorf("%s: not an *Error", method)
		}
		for _, code := range []error{control.ErrState, control.ErrRemote, control.ErrLimit, control.ErrInternal} {
			if code != want.code && errors.Is(err, code) {
				t.Errorf("%s: is %q too", method, code)
			}
		}
	}
	if client.Err() != nil {
		t.Errorf("connection ended: %v", client.Err())
	}
}

func TestCallEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		client, _ := pair(t, funcs{}, funcs{request: func(ctx context.Context, method string, params json.RawMessage) (any, error) {
			if method == "slow" {
				<-release
			}
			return params, nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		for range control.MaxOutstanding + 1 { // the last waits for its turn
			go func() { result <- client.Call(ctx, "slow", nil, nil) }()
		}
		synctest.Wait()
		cancel()
		for range control.MaxOutstanding + 1 {
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled call: %v", err)
			}
		}
		close(release)
		// The late answers free the slots and hurt nobody.
		var got note
		if err := client.Call(t.Context(), "echo", note{Number: 3}, &got); err != nil || got.Number != 3 {
			t.Errorf("call after cancelled ones: %v, %v", got, err)
		}
	})
}

// TestClientVanishes cuts the transport while calls run both ways.
func TestClientVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc1, nc2 := net.Pipe()
		client, daemon := connect(t, nc1, nc2, control.Config{})
		hang := funcs{request: func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		run(t, client, hang)
		run(t, daemon, hang)
		result := make(chan error)
		for range 5 {
			go func() { result <- client.Call(t.Context(), "hang", nil, nil) }()
			go func() { result <- daemon.Call(t.Context(), "hang", nil, nil) }()
		}
		synctest.Wait()
		nc1.Close()
		for range 10 {
			if err := <-result; !errors.Is(err, control.ErrClosed) {
				t.Errorf("call: %v", err)
			}
		}
		<-client.Done()
		<-daemon.Done()
		if err := daemon.Notify("late", nil); !errors.Is(err, control.ErrClosed) {
			t.Errorf("notify after the end: %v", err)
		}
		if err := daemon.Call(t.Context(), "late", nil, nil); !errors.Is(err, control.ErrClosed) {
			t.Errorf("call after the end: %v", err)
		}
	})
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	nc1, nc2 := net.Pipe()
	client, daemon := connect(t, nc1, nc2, control.Config{})
	for i := range 100 {
		if err := daemon.Notify("count", note{Number: i}); err != nil {
			t.Fatal(err)
		}
	}
	count := 0
	ended := make(chan error)
	go func() { ended <- client.Run(t.Context(), funcs{event: func(string, json.RawMessage) { count++ }}) }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as good as Close
	if err := daemon.Run(ctx, funcs{}); !errors.Is(err, control.ErrClosed) {
		t.Errorf("daemon: %v", err)
	}
	if err := <-ended; !errors.Is(err, control.ErrClosed) || count != 100 {
		t.Errorf("client: %d events, %v", count, err)
	}
}

func TestAbortTellsWhy(t *testing.T) {
	client, daemon := pair(t, funcs{}, funcs{})
	daemon.Abort(fmt.Errorf("%w: enough", control.ErrLimit))
	<-client.Done()
	if err := client.Err(); !errors.Is(err, control.ErrLimit) || err.Error() != "limit reached: enough" {
		t.Errorf("client: %v", err)
	}
}

// TestD6HeardIgnoresTheClock: whether the other side is alive does not depend on
// what somebody sets the clock to.
func TestD6HeardIgnoresTheClock(t *testing.T) {
	client, daemon := pair(t, funcs{}, echo)
	before := time.Now()
	if err := client.Call(t.Context(), "ping", nil, nil); err != nil {
		t.Fatal(err)
	}
	heard := daemon.Heard()
	if heard.Before(before) || time.Since(heard) < 0 || !strings.Contains(heard.String(), " m=") {
		t.Errorf("heard at %v, asked at %v", heard, before)
	}
}

// TestFinish: what is queued and what is being answered arrives before the word
// why, unless the answer takes too long.
func TestFinish(t *testing.T) {
	why := fmt.Errorf("%w: enough for today", control.ErrClosed)
	for name, late := range map[string]bool{"answered": false, "not answered": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				count, asked, release := 0, make(chan struct{}), make(chan struct{})
				client, daemon := pair(t, funcs{event: func(string, json.RawMessage) { count++ }},
					funcs{request: func(ctx context.Context, _ string, params json.RawMessage) (any, error) {
						close(asked)
						select {
						case <-release:
						case <-ctx.Done():
						}
						return params, nil
					}})
				answered := make(chan error, 1)
				go func() { answered <- client.Call(t.Context(), "slow", note{Number: 7}, nil) }()
				<-asked
				for range 100 {
					if err := daemon.Notify("count", note{}); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				daemon.Finish(why)
				if !late {
					close(release)
				}
				if err := <-answered; (err != nil) != late {
					t.Errorf("answer: %v", err)
				}
				<-client.Done()
				if err := client.Err(); err.Error() != why.Error() || !errors.Is(err, control.ErrClosed) || count != 100 {
					t.Errorf("client: %d events, %v", count, err)
				}
				if d := time.Since(began); (d > 0) != late || d > time.Second {
					t.Errorf("after %v", d)
				}
			})
		})
	}
}

func TestCloseBeforeRun(t *testing.T) {
	nc1, nc2 := net.Pipe()
	client, daemon := connect(t, nc1, nc2, control.Config{})
	daemon.Close()
	if err := daemon.Run(t.Context(), nil); !errors.Is(err, control.ErrClosed) {
		t.Errorf("daemon: %v", err)
	}
	if err := client.Run(t.Context(), nil); !errors.Is(err, control.ErrClosed) {
		t.Errorf("client: %v", err)
	}
}

func BenchmarkCall(b *testing.B) {
	client, _ := pair(b, funcs{}, echo)
	b.ReportAllocs()
	for b.Loop() {
		if err := client.Call(b.Context(), "echo", note{Number: 1}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
