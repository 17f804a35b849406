package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// client of a server that answers each request by a function.
func client(t testing.TB, cfg Config, serve func(w http.ResponseWriter, body string)) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
		}
		w.Header().Set("X-User", r.Header.Get("Authorization"))
		w.Header().Set("X-Path", r.URL.EscapedPath())
		serve(w, string(body))
	}))
	t.Cleanup(server.Close)
	cfg.Addr = strings.TrimPrefix(server.URL, "http://")
	if cfg.CookieFile == "" {
		cfg.User, cfg.Password = "user", secret.NewText("hunter2")
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func says(status int, body string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestCall(t *testing.T) {
	c := client(t, Config{}, func(w http.ResponseWriter, body string) {
		if want := `{"jsonrpc":"1.0","id":1,"method":"getthing","params":[7,"x"]}`; body != want {
			t.Errorf("asked %s, want %s", body, want)
		}
		if user := w.Header().Get("X-User"); user != "Basic dXNlcjpodW50ZXIy" {
			t.Errorf("authorization %q", user)
		}
		if path := w.Header().Get("X-Path"); path != "/wallet/a%20b%2Fc" {
			t.Errorf("path %q", path)
		}
		io.WriteString(w, `{"result":{"value":0.29},"error":null,"id":1}`)
	})
	var result struct{ Value BTC }
	if err := c.Wallet("a b/c").Call(t.Context(), "getthing", []any{7, "x"}, &result); err != nil || result.Value != 29_000_000 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestCallErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   error
		says   string
	}{
		{"node's error", 500, `{"result":null,"error":{"code":-8,"message":"Block height out of range"},"id":1}`, nil, "Block height out of range"},
		{"error with status 200", 200, `{"result":null,"error":{"code":-8,"message":"no"},"id":1}`, nil, `"no" (-8)`},
		{"starting", 503, ``, chain.ErrUnreachable, "busy"},
		{"starting", 500, `{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":1}`, chain.ErrUnreachable, "Loading block index"},
		{"password", 401, ``, chain.ErrUnreachable, "check the user and password"},
		{"forbidden", 403, ``, chain.ErrUnreachable, "credentials (status 403)"},
		{"other id", 200, `{"result":1,"error":null,"id":2}`, nil, "answer 2 to question 1"},
		{"no id", 200, `{"result":1}`, nil, "answer 0 to question 1"},
		{"another server", 200, `<html>`, chain.ErrUnreachable, "no Bitcoin node"},
		{"another server", 302, ``, chain.ErrUnreachable, "no Bitcoin node"},
		{"nothing", 200, ``, chain.ErrUnreachable, "no Bitcoin node"},
		{"other type", 200, `{"result":"text","error":null,"id":1}`, nil, "cannot unmarshal"},
		{"too long", 200, `{"result":1,"error":null,"id":1}` + strings.Repeat(" ", 1000), chain.ErrUnreachable, "more than 500 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			node := client(t, Config{}, says(c.status, c.body))
			node.maxReply = 500
			var result int
			err := node.Call(t.Context(), "ask", nil, &result)
			if err == nil || errors.Is(err, chain.ErrUnreachable) != (c.want != nil) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %v with %q", err, c.want, c.says)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Error("the error tells the password")
			}
		})
	}
}

func TestLongReason(t *testing.T) {
	node := client(t, Config{}, says(500, `{"error":{"code":-1,"message":"`+strings.Repeat("x", 10_000)+`\n"},"id":1}`))
	err := node.Call(t.Context(), "ask", nil, nil)
	if !HasCode(err, CodeMisc) || len(err.Error()) > 400 || strings.ContainsRune(err.Error(), '\n') {
		t.Errorf("%d bytes: %.500v", len(err.Error()), err)
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	c := client(t, Config{Timeout: 20 * time.Millisecond}, func(http.ResponseWriter, string) { <-release })
	defer close(release)
	if err := c.Call(t.Context(), "ask", nil, nil); !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), "in time") {
		t.Errorf("own limit: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.CallSlow(ctx, "ask", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's: %v", err)
	}
	// With all slots taken, a caller waits no longer than its context.
	for range maxInFlight {
		c.slots <- struct{}{}
	}
	if err := c.CallSlow(ctx, "ask", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
}

// The node writes a new cookie each time it starts.
func TestCookie(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".cookie")
	valid := "__cookie__:first"
	refusals := 0
	c := client(t, Config{CookieFile: file}, func(w http.ResponseWriter, body string) {
		if w.Header().Get("X-User") != string(basic([]byte(valid))) {
			refusals++
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var request request
		if err := json.Unmarshal([]byte(body), &request); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"result":1,"error":null,"id":%d}`, request.ID)
	})
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	call := func() error { return c.Call(t.Context(), "ask", nil, nil) }

	if err := call(); !errors.Is(err, chain.ErrUnreachable) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a cookie: %v", err)
	}
	write(valid + "\n")
	if err := call(); err != nil {
		t.Error(err)
	}
	valid = "__cookie__:second"
	if err := call(); !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), file) {
		t.Errorf("with an old cookie: %v", err)
	}
	write(valid)
	if err := call(); err != nil {
		t.Error(err)
	}
	if refusals != 2 {
		t.Errorf("%d refusals, want 2: one for the old cookie, one before the new one was read", refusals)
	}
	for _, bad := range []string{"", ":", "nocolon", strings.Repeat("x", maxCookie) + ":y"} {
		write(bad)
		c.login.cookie = ""
		if err := call(); !errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("cookie of %d bytes: %v", len(bad), err)
		}
	}
}

func TestBatch(t *testing.T) {
	c := client(t, Config{}, says(200, `[
		{"result":null,"error":{"code":-5,"message":"none"},"id":2},
		{"result":"0.5","error":null,"id":3},
		{"result":11,"error":null,"id":1}]`))
	var one, two int
	var three BTC
	queries := []*Query{{Method: "a", Result: &one}, {Method: "b", Result: &two}, {Method: "c", Result: &three}}
	if err := c.Batch(t.Context(), queries); err != nil {
		t.Fatal(err)
	}
	if one != 11 || queries[0].Err != nil || !HasCode(queries[1].Err, CodeNotFound) || !errors.Is(queries[2].Err, sats.ErrText) {
		t.Errorf("%d, %v, %v, %v", one, queries[0].Err, queries[1].Err, queries[2].Err)
	}
	if err := c.Batch(t.Context(), nil); err != nil {
		t.Errorf("nothing to ask: %v", err)
	}
}

func TestBatchErrors(t *testing.T) {
	for name, body := range map[string]string{
		"too few":    `[{"result":1,"id":1}]`,
		"too many":   `[{"result":1,"id":1},{"result":1,"id":2},{"result":1,"id":3}]`,
		"twice":      `[{"result":1,"id":1},{"result":1,"id":1}]`,
		"one error":  `{"result":null,"error":{"code":-28,"message":"Loading"},"id":null}`,
		"starting":   `[{"error":{"code":-28,"message":"Loading"},"id":1},{"error":{"code":-28,"message":"Loading"},"id":2}]`,
		"no list":    `{}`,
		"not JSON":   `x`,
		"other list": `[1,2]`,
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, Config{}, says(200, body))
			if err := c.Batch(t.Context(), []*Query{{Method: "a"}, {Method: "b"}}); !errors.Is(err, chain.ErrUnreachable) {
				t.Errorf("%v, want ErrUnreachable", err)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	password := secret.NewText("hunter2")
	for _, bad := range []Config{
		{User: "u", Password: password},
		{Addr: "localhost", User: "u", Password: password},
		{Addr: ":8332", User: "u", Password: password},
		{Addr: "localhost:8332", User: "u"},
		{Addr: "localhost:8332", Password: password},
	} {
		if _, err := New(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("New(%+v): %v", bad, err)
		}
	}
}

// FuzzReply answers with anything. What is believed is the answer to what was
// asked.
func FuzzReply(f *testing.F) {
	f.Add(`{"result":{"blocks":5,"bestblockhash":"00"},"error":null,"id":1}`)
	f.Add(`[{"result":{"value":0.1},"error":null,"id":1}]`)
	f.Add(`{"error":{"code":-5,"message":""},"id":1}`)
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, text string) {
		body = text
		c, err := New(Config{Addr: strings.TrimPrefix(server.URL, "http://"), User: "u", Password: secret.NewText("p")})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var info ChainInfo
		if err := c.Call(t.Context(), "ask", nil, &info); err == nil {
			var seen struct {
				ID    int64
				Error any
			}
			if json.Unmarshal([]byte(text), &seen) != nil || seen.ID != 1 || seen.Error != nil {
				t.Errorf("believed %q", text)
			}
		}
		var tx Tx
		query := &Query{Method: "ask", Result: &tx}
		if err := c.Batch(t.Context(), []*Query{query}); err == nil && query.Err == nil && tx.MsgTx == nil {
			t.Errorf("no transaction and no error from %q", text)
		}
	})
}
