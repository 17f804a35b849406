package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestMaxClients: as many clients as the configuration or the flag says are
// served at a time, and the next one is told why it is not.
func TestMaxClients(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  string
		args []string
		want int
	}{
		"flag":          {"", []string{"--max-clients", "70"}, 70},
		"configuration": {"[LIMITS]\nmax_clients = 3\n", nil, 3},
		"both":          {"[LIMITS]\nmax_clients = 3\n", []string{"--max-clients", "5"}, 5},
	} {
		t.Run(name, func(t *testing.T) { testMaxClients(t, c.cfg, c.args, c.want) })
	}
}

func testMaxClients(t *testing.T, cfg string, args []string, want int) {
	dir, err := os.MkdirTemp("", "jm") // short: the path of a socket has little room
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if cfg != "" {
		if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(cfg), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, outw := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"--datadir", dir, "--listen", "unix:" + filepath.Join(dir, "s")}, args...), outw, io.Discard)
		outw.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	path, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on unix:")
	if err != nil || !ok {
		t.Fatalf("said %q, %v", line, err)
	}
	connect := func() error {
		nc, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		t.Cleanup(func() { nc.Close() })
		_, err = control.Connect(ctx, nc, control.Config{Software: "test"})
		return err
	}
	for i := range want {
		if err := connect(); err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	if err := connect(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(want, " clients")) {
		t.Errorf("one client more: %v", err)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit status %d", code)
	}
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{
		{"extra"}, {"--nonsense"}, {"--max-clients", "0"}, {"--max-clients", "100000"}, {"--log-level", "LOUD"},
	} {
		var errw bytes.Buffer
		code := run(t.Context(), append([]string{"--datadir", t.TempDir()}, args...), io.Discard, &errw)
		if code != 2 || !strings.Contains(errw.String(), "Try: joinmarketd --help") {
			t.Errorf("%q: exit status %d, %s", args, code, &errw)
		}
	}
}
