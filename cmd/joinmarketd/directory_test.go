//go:build unix

package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// spawnDirectory runs joinmarketd directory in a folder until it says where it
// listens.
func spawnDirectory(t *testing.T, dir string, env []string, args ...string) (p *process, at string) {
	t.Helper()
	p, said := launch(t, env, append([]string{"directory", "--datadir", dir}, args...)...)
	at, ok := strings.CutPrefix(said, "directory on tcp:")
	if !ok {
		t.Fatalf("said %q", said)
	}
	return p, at
}

// meets connects a bot to a directory, and returns what that says.
func meets(t *testing.T, at, network string) (net.Conn, *onion.Reader, onion.DirectoryHello) {
	t.Helper()
	nc, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	line, err := onion.ClientHello{Location: onion.NotServing, Nick: protocol.RandomNick(), Network: network}.Message().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(line); err != nil {
		t.Fatal(err)
	}
	in := onion.NewReader(nc, nil)
	m, err := in.Read()
	if err != nil {
		t.Fatal(err)
	}
	h, err := onion.ParseDirectoryHello(m.Text)
	if err != nil {
		t.Fatal(err)
	}
	return nc, in, h
}

const directoryFile = "[BLOCKCHAIN]\nnetwork = regtest\n[DIRECTORY]\nlisten = 127.0.0.1:0\nmotd = "

// TestDirectory: bots meet, the motd follows SIGHUP, the status tells, and SIGTERM
// ends the directory and, one after the other, its peers.
func TestDirectory(t *testing.T) {
	dir := shortDir(t)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "joinmarket.cfg"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(directoryFile + `one\nline` + "\n")
	notify := filepath.Join(dir, "n")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	systemd.SetReadDeadline(time.Now().Add(time.Minute))
	p, at := spawnDirectory(t, dir, []string{"NOTIFY_SOCKET=" + notify, "WATCHDOG_USEC=300000"}, "--testing")
	for _, want := range []string{"READY=1", "WATCHDOG=1"} {
		var buf [100]byte
		if n, err := systemd.Read(buf[:]); err != nil || string(buf[:n]) != want {
			t.Fatalf("systemd hears %q, %v, want %s", buf[:n], err, want)
		}
	}
	_, first, hello := meets(t, at, "testnet")
	if hello.MOTD != "one\nline" {
		t.Errorf("motd %q", hello.MOTD)
	}
	for _, text := range []string{"[DIRECTORY]\nmax_peers = none\n", directoryFile + strings.Repeat("x", 2000) + "\n"} {
		write(text)
		p.Process.Signal(syscall.SIGHUP)
		p.logged(`msg="joinmarket.cfg not read again"`)
	}
	write(strings.Replace(directoryFile, ":0", ":1", 1) + "two\nmax_peers = 10\n")
	p.Process.Signal(syscall.SIGHUP)
	p.logged(`msg="needs a restart to change"`)
	p.logged(`msg="joinmarket.cfg read again"`)
	_, _, hello = meets(t, at, "testnet")
	if hello.MOTD != "two" {
		t.Errorf("motd after SIGHUP: %q", hello.MOTD)
	}

	ask := func(args ...string) (int, string, string) {
		var out, errw bytes.Buffer
		code := run(t.Context(), append([]string{"directory", "status", "--datadir", dir}, args...), &out, &errw)
		return code, out.String(), errw.String()
	}
	if code, out, errw := ask(); code != 0 || !strings.Contains(out, "2 peers, 2 connections") || !strings.Contains(out, "joined 2") {
		t.Errorf("status %d: %s%s", code, out, errw)
	}
	if code, out, errw := ask("--json"); code != 0 || !strings.Contains(out, `"peers": 2,`) {
		t.Errorf("status %d: %s%s", code, out, errw)
	}

	began := time.Now()
	p.Process.Signal(syscall.SIGTERM)
	if _, err := first.Read(); err == nil {
		t.Error("a line, and no end")
	}
	p.ended(began)
	if code, out, errw := ask(); code != 1 || out != "" || !strings.Contains(errw, "no directory runs there") {
		t.Errorf("nobody there: status %d: %s%s", code, out, errw)
	}
	if _, err := os.Stat(filepath.Join(dir, "directory.sock")); err == nil {
		t.Error("the socket is still there")
	}
}

// TestDirectoryRefuses what would be of no use or harm.
func TestDirectoryRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		args []string
		code int
		says string
	}{
		"mainnet without Tor": {"", []string{"--testing"}, 1, "network ="},
		"argument":            {directoryFile, []string{"extra"}, 2, "unexpected"},
		"for clients":         {directoryFile, []string{"--listen", "tcp:127.0.0.1:5222"}, 2, "--at"},
		"any host":            {directoryFile, []string{"--testing", "--at", "0.0.0.0:0"}, 1, "this machine"},
		"location":            {directoryFile, []string{"--location", "example.org:5222"}, 2, "56 characters"},
		"no Tor to publish":   {directoryFile + "\npublish = true\ntor_control = 127.0.0.1:1\n", nil, 1, "no Tor"},
		"motd":                {directoryFile + strings.Repeat("x", 2000), nil, 1, "motd"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			if c.text != "" {
				if err := os.WriteFile(filepath.Join(dir, "joinmarket.cfg"), []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out, errw bytes.Buffer
			if code := run(t.Context(), append([]string{"directory", "--datadir", dir}, c.args...), &out, &errw); code != c.code || !strings.Contains(errw.String(), c.says) {
				t.Errorf("exit status %d: %s", code, &errw)
			}
		})
	}
}
