package control_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/control"
	wire "github.com/joinmarket-go/joinmarket/protocol/control"
)

// folder is a short-named one: the path of a socket has little room.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "jm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// serve listens and answers hellos until the test ends.
func serve(t *testing.T, cfg control.Config) *control.Listener {
	t.Helper()
	l, err := control.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx, hello(l)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l
}

// hello answers a client's hello and then waits for its end.
func hello(l *control.Listener) func(context.Context, net.Conn) {
	return func(ctx context.Context, nc net.Conn) {
		c, err := wire.Accept(ctx, nc, wire.Config{Software: "joinmarketd", Secret: l.Secret()})
		if err == nil {
			c.Run(ctx, nil)
		}
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(folder(t), "new", "d.sock")
	l, err := control.Listen(control.Config{Address: "unix:" + path})
	if err != nil {
		t.Fatal(err)
	}
	if l.Address() != "unix:"+path || l.Secret() != "" {
		t.Errorf("address %s", l.Address())
	}
	if m := mode(t, path); m != fs.ModeSocket|0o600 {
		t.Errorf("socket has mode %v", m)
	}
	if m := mode(t, filepath.Dir(path)); m != fs.ModeDir|0o700 {
		t.Errorf("folder has mode %v", m)
	}
	if _, err := control.Listen(control.Config{Address: "unix:" + path}); !errors.Is(err, control.ErrServed) {
		t.Errorf("second daemon: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Serve(ctx, hello(l)) }()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.Connect(t.Context(), nc, wire.Config{Software: "jm"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Peer().Software != "joinmarketd" {
		t.Errorf("served by %+v", c.Peer())
	}
	go c.Run(t.Context(), nil)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	<-c.Done()
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 || left[0].Name() != "d.sock.lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
	l.Close() // again
}

// TestD11StaleSocket kills a process that listens: its socket file is in the
// way of nobody.
func TestD11StaleSocket(t *testing.T) {
	if path := os.Getenv("LISTEN_AND_WAIT"); path != "" {
		if _, err := control.Listen(control.Config{Address: "unix:" + path}); err != nil {
			os.Stdout.WriteString(err.Error())
		}
		os.Stdout.WriteString("ready")
		os.Stdout.Close()
		io.Copy(io.Discard, os.Stdin) // until killed
		return
	}
	path := filepath.Join(folder(t), "d.sock")
	cmd := exec.Command(os.Args[0], "-test.run=^TestD11StaleSocket$")
	cmd.Env = append(os.Environ(), "LISTEN_AND_WAIT="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if out, err := io.ReadAll(stdout); err != nil || string(out) != "ready" {
		t.Fatalf("%s, %v", out, err)
	}
	if _, err := control.Listen(control.Config{Address: "unix:" + path}); !errors.Is(err, control.ErrServed) {
		t.Fatalf("while it lives: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if m := mode(t, path); m.Type() != fs.ModeSocket {
		t.Fatalf("the killed process left %v", m)
	}
	l, err := control.Listen(control.Config{Address: "unix:" + path})
	if err != nil {
		t.Fatalf("after it was killed: %v", err)
	}
	l.Close()
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(control.Config{Address: "unix:" + file}); !errors.Is(err, control.ErrNoSocket) {
		t.Errorf("file: %v", err)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "precious" {
		t.Errorf("file is now %q, %v", content, err)
	}
	foreign := filepath.Join(dir, "sock") // of a program without our lock
	other, err := net.Listen("unix", foreign)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := control.Listen(control.Config{Address: "unix:" + foreign}); !errors.Is(err, control.ErrServed) {
		t.Errorf("foreign socket: %v", err)
	}
}

// TestA1OnlyLoopback: no configuration makes the daemon listen for others.
func TestA1OnlyLoopback(t *testing.T) {
	cookie := filepath.Join(folder(t), "cookie")
	for address, want := range map[string]error{
		"tcp::0":                control.ErrLoopback,
		"tcp:0.0.0.0:0":         control.ErrLoopback,
		"tcp:[::]:0":            control.ErrLoopback,
		"tcp:192.168.0.1:0":     control.ErrLoopback,
		"tcp:example.org:0":     control.ErrLoopback,
		"tcp:127.0.0.1":         control.ErrAddress,
		"tcp:127.0.0.1:http":    control.ErrAddress,
		"tcp:127.0.0.1:70000":   control.ErrAddress,
		"udp:127.0.0.1:0":       control.ErrAddress,
		"127.0.0.1:27183":       control.ErrAddress,
		"unix:":                 control.ErrAddress,
		"":                      control.ErrAddress,
		"unix:/nonexistent\x00": nil,
	} {
		l, err := control.Listen(control.Config{Address: address, CookieFile: cookie})
		if err == nil {
			l.Close()
			t.Errorf("%q is listened on", address)
		} else if want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := os.Stat(cookie); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a cookie was written though nothing listens")
	}
	if _, err := control.Listen(control.Config{Address: "tcp:127.0.0.1:0"}); !errors.Is(err, control.ErrCookie) {
		t.Errorf("TCP without cookie: %v", err)
	}
}

// TestOpenToAll: without a cookie, and beyond this machine, only where that is
// asked for.
func TestOpenToAll(t *testing.T) {
	l, err := control.Listen(control.Config{Address: "tcp:127.0.0.1:0", NoCookie: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Secret() != "" {
		t.Error("a secret that nobody can show")
	}
	open := control.Config{Address: "tcp:0.0.0.0:0", NoCookie: true}
	if _, err := control.Listen(open); !errors.Is(err, control.ErrLoopback) {
		t.Errorf("any host: %v", err)
	}
	open.AnyHost = true
	any, err := control.Listen(open)
	if err != nil {
		t.Fatal(err)
	}
	any.Close()
}

func TestTCPWithCookie(t *testing.T) {
	cookie := filepath.Join(folder(t), "cookie")
	cfg := control.Config{Address: "tcp:localhost:0", CookieFile: cookie}
	first, err := control.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	oldSecret := first.Secret()
	first.Close()
	if _, err := os.Stat(cookie); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cookie outlives the listener")
	}

	l, err := control.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.Serve(ctx, hello(l)) }()
	content, err := os.ReadFile(cookie)
	if raw, hexErr := hex.DecodeString(string(content)); err != nil || hexErr != nil || len(raw) != 32 {
		t.Errorf("cookie %q, %v", content, err)
	}
	if m := mode(t, cookie); m != 0o600 {
		t.Errorf("cookie has mode %v", m)
	}
	address := strings.TrimPrefix(l.Address(), "tcp:")
	for secret, want := range map[wire.Secret]error{
		wire.Secret(content): nil,
		oldSecret:            wire.ErrUnauthorized,
		"":                   wire.ErrUnauthorized,
	} {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c, err := wire.Connect(t.Context(), nc, wire.Config{Secret: secret})
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if err == nil {
			c.Close()
			c.Run(t.Context(), nil)
		}
	}
	// Another daemon on this port fails and leaves the cookie as it is.
	if _, err := control.Listen(control.Config{Address: l.Address(), CookieFile: cookie}); err == nil {
		t.Error("two daemons on one port")
	}
	if now, err := os.ReadFile(cookie); err != nil || string(now) != string(content) {
		t.Errorf("cookie changed: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestCookieCannotBeWritten(t *testing.T) {
	cfg := control.Config{Address: "tcp:127.0.0.1:0", CookieFile: filepath.Join(folder(t), "missing", "cookie")}
	if _, err := control.Listen(cfg); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestServeWaitsForHandlers: when Serve returns nothing of it is left.
func TestServeWaitsForHandlers(t *testing.T) {
	l, err := control.Listen(control.Config{Address: "unix:" + filepath.Join(folder(t), "s")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	entered, left := make(chan bool), false
	ended := make(chan error)
	go func() {
		ended <- l.Serve(ctx, func(ctx context.Context, nc net.Conn) {
			entered <- true
			<-ctx.Done()
			nc.Close()
			left = true
		})
	}()
	nc, err := net.Dial("unix", strings.TrimPrefix(l.Address(), "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	<-entered
	cancel()
	if err := <-ended; err != nil || !left {
		t.Errorf("Serve returned early: %v", err)
	}
}
