// Package examples_test runs the examples against a daemon that plays its part.
package examples_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	daemoncontrol "github.com/joinmarket-go/joinmarket/daemon/control"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// python returns the interpreter. CI must have it; elsewhere the test is
// skipped, saying what is missing.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3 is missing, and CI must have it")
		}
		t.Skip("python3 is missing")
	}
	return path
}

// market is a daemon that gives one client an order book in two steps, after
// asking it to verify a message.
type market struct {
	t    *testing.T
	conn *control.Conn

	mu        sync.Mutex
	requests  []string
	refreshed bool
	asked     int // times the order book was asked for
}

var offers = []control.OfferEntry{
	{Nick: "J5bbbbbbbbbbbbbb", Offer: protocol.Offer{Type: protocol.SW0RelOffer, ID: 2, MinSize: 100_000, MaxSize: 79_000_000, CJFee: "0.00002"}},
	{Nick: "J5aaaaaaaaaaaaaa", Offer: protocol.Offer{Type: protocol.SW0AbsOffer, MinSize: 27_300, MaxSize: 5_000_000, TxFee: 10, CJFee: "500"}},
}

const table = `nick              type         oid  minsize  maxsize   txfee  cjfee
J5aaaaaaaaaaaaaa  sw0absoffer  0    27300    5000000   10     500
J5bbbbbbbbbbbbbb  sw0reloffer  2    100000   79000000  0      0.00002
`

func (m *market) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, method)
	switch method {
	case control.MethodStart:
		r, err := control.Decode[control.StartRequest](params)
		if err != nil {
			return nil, err
		}
		if r.Role != control.RoleWatcher || r.Network != "signet" {
			return nil, fmt.Errorf("%w: %+v", control.ErrBadRequest, r)
		}
		// Told before the answer, so that the script must keep it.
		m.conn.Notify(control.EventReady, control.ReadyEvent{Channels: []string{"pit"}})
		return control.StartAnswer{Channels: []string{"pit"}}, nil
	case control.MethodRefresh:
		m.refreshed = true
		return nil, nil
	case control.MethodOrderbook:
		err := m.conn.Call(ctx, control.QuestionVerify, control.VerifyRequest{
			Nick: "J5aaaaaaaaaaaaaa", Text: "x pit", HostID: "pit", PubKey: "02" + strings.Repeat("ab", 32), Signature: "MAYCAQECAQE=",
		}, nil)
		if !errors.Is(err, control.ErrUnknownMethod) {
			m.t.Errorf("verify is answered with %v", err)
		}
		if m.asked++; !m.refreshed || m.asked == 1 {
			return control.OrderbookAnswer{}, nil // arrays that are null
		}
		return control.OrderbookAnswer{Offers: offers}, nil
	}
	return nil, fmt.Errorf("%w: %s", control.ErrUnknownMethod, method)
}

func (m *market) Event(name string, _ json.RawMessage) { m.t.Errorf("event %s from a client", name) }

// serve plays the daemon at an address and returns the market it shows.
func serve(t *testing.T, cfg daemoncontrol.Config) (*daemoncontrol.Listener, *market) {
	t.Helper()
	l, err := daemoncontrol.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := &market{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- l.Serve(ctx, func(ctx context.Context, nc net.Conn) {
			conn, err := control.Accept(ctx, nc, control.Config{Software: "market", Secret: l.Secret()})
			if err != nil {
				return // the script shows it
			}
			m.conn = conn
			conn.Run(ctx, m)
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l, m
}

// script runs offers.py.
func script(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), append([]string{"offers.py", "--network", "signet", "--quiet", "0.05"}, args...)...)
	var out, diag strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diag
	err = cmd.Run()
	return out.String(), diag.String(), err
}

func TestOffers(t *testing.T) {
	python(t)
	dir, err := os.MkdirTemp("", "jm")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cookie := filepath.Join(dir, "cookie")
	for name, cfg := range map[string]daemoncontrol.Config{
		"unix": {Address: "unix:" + filepath.Join(dir, "s")},
		"tcp":  {Address: "tcp:127.0.0.1:0", CookieFile: cookie},
	} {
		t.Run(name, func(t *testing.T) {
			l, m := serve(t, cfg)
			args := []string{l.Address()}
			if cfg.CookieFile != "" {
				args = append(args, "--cookie", cfg.CookieFile)
			}
			stdout, stderr, err := script(t, args...)
			if err != nil || stdout != table {
				t.Errorf("%v\n%s%s", err, stderr, stdout)
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			if got := strings.Join(m.requests[:3], " "); got != "start refresh orderbook" {
				t.Errorf("requests were %s", got)
			}
		})
	}
}

func TestOffersFails(t *testing.T) {
	python(t)
	dir, err := os.MkdirTemp("", "jm")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	wrong := filepath.Join(dir, "wrong")
	if err := os.WriteFile(wrong, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, _ := serve(t, daemoncontrol.Config{Address: "tcp:127.0.0.1:0", CookieFile: filepath.Join(dir, "cookie")})
	silent, err := net.Listen("unix", filepath.Join(dir, "silent"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for want, args := range map[string][]string{
		"the daemon says: 'secret missing or wrong": {l.Address(), "--cookie", wrong},
		"no luck with the daemon: ":                 {"unix:" + filepath.Join(dir, "nobody")},
		"timed out":                                 {"unix:" + filepath.Join(dir, "silent"), "--wait", "0.1"},
	} {
		stdout, stderr, err := script(t, args...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || stdout != "" || !strings.Contains(stderr, want) || strings.Contains(stderr, "Traceback") {
			t.Errorf("want %q, got %v\n%s%s", want, err, stderr, stdout)
		}
	}
}
