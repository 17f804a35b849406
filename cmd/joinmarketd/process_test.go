//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestMain lets tests run the program as a process: this one, told so.
func TestMain(m *testing.M) {
	if os.Getenv("BE_JOINMARKETD") != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a running joinmarketd.
type process struct {
	*exec.Cmd
	t      testing.TB
	socket string
	log    *bufio.Scanner // its standard error
}

// launch runs the program and returns the first line that it prints.
func launch(t testing.TB, env []string, args ...string) (p *process, said string) {
	t.Helper()
	p = &process{t: t, Cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.Env = append(append(os.Environ(), "BE_JOINMARKETD=1"), env...)
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.log = bufio.NewScanner(errs)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	said, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("said %q, %v", said, err)
	}
	return p, strings.TrimSpace(said)
}

// spawn runs the daemon in a folder until it says that it listens.
func spawn(t testing.TB, dir string, env []string, args ...string) *process {
	t.Helper()
	socket := filepath.Join(dir, "s")
	p, said := launch(t, env, append([]string{"--datadir", dir, "--listen", "unix:" + socket}, args...)...)
	if p.socket = socket; !strings.HasPrefix(said, "listening on unix:") {
		t.Fatalf("said %q", said)
	}
	return p
}

// logged reads the log up to a line with the text, which has to come within a
// minute.
func (p *process) logged(text string) {
	p.t.Helper()
	defer time.AfterFunc(time.Minute, func() { p.Process.Kill() }).Stop()
	var before strings.Builder
	for p.log.Scan() {
		if strings.Contains(p.log.Text(), text) {
			return
		}
		before.WriteString(p.log.Text() + "\n")
	}
	p.t.Fatalf("%q is not in the log:\n%s", text, &before)
}

// ended waits for the end with status 0, which must come in time.
func (p *process) ended(began time.Time) {
	p.t.Helper()
	if err := p.Wait(); err != nil {
		p.t.Errorf("ended: %v", err)
	}
	if d := time.Since(began); d > endWait {
		p.t.Errorf("ended after %v", d)
	}
}

// TestSignals: systemd learns what it should, SIGHUP takes over what it can and
// names the rest, and SIGTERM ends the daemon and its clients.
func TestSignals(t *testing.T) {
	dir := shortDir(t)
	at := filepath.Join(dir, "n")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	systemd.SetReadDeadline(time.Now().Add(time.Minute))
	hears := func(want string) {
		t.Helper()
		for {
			var buf [100]byte
			n, err := systemd.Read(buf[:])
			if err != nil {
				t.Fatalf("systemd waits for %s: %v", want, err)
			}
			if string(buf[:n]) == want {
				return
			}
		}
	}
	p := spawn(t, dir, []string{"NOTIFY_SOCKET=" + at, "WATCHDOG_USEC=300000"})
	hears("READY=1")
	hears("WATCHDOG=1")

	path := filepath.Join(dir, "joinmarket.cfg")
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, now string) {
		t.Helper()
		text := bytes.Replace(original, []byte("\n"+old+"\n"), []byte("\n"+now+"\n"), 1)
		if bytes.Equal(text, original) {
			t.Fatalf("no line %q", old)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	edit("[MESSAGING:hackint]", "[MESSAGING:other]\nhost = localhost\nport = 6667\nchannel = x\n[MESSAGING:hackint]")
	p.logged(`msg="joinmarket.cfg read again" channels=3`)
	edit("daemon_socket_mode = 0600", "daemon_socket_mode = 0660")
	p.logged(`msg="needs a restart to change" key=[DAEMON]`)
	edit("log_levels =", "log_levels = wallet=DEBUG")
	p.logged(`msg="joinmarket.cfg not read again"`)
	edit("max_nicks = 20000", "max_nicks = many")
	p.logged(`msg="joinmarket.cfg not read again"`)
	edit("console_log_level = INFO", "console_log_level = ERROR")
	edit("log_levels =", "log_levels = daemon=DEBUG") // the next line that is shown
	p.logged(`channels=2`)

	nc, err := net.Dial("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	client, err := control.Connect(t.Context(), nc, control.Config{Software: "test"})
	if err != nil {
		t.Fatal(err)
	}
	go client.Run(t.Context(), nil)
	began := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-client.Done()
	hears("STOPPING=1")
	p.ended(began)
	if _, err := os.Stat(p.socket); err == nil {
		t.Error("the socket is still there")
	}
}

// TestStatusCommand: for people and for programs, and without a daemon.
func TestStatusCommand(t *testing.T) {
	dir := shortDir(t)
	p := spawn(t, dir, nil)
	ask := func(args ...string) (int, string, string) {
		var out, errw bytes.Buffer
		code := run(t.Context(), append([]string{"status", "--datadir", dir, "--listen", "unix:" + p.socket}, args...), &out, &errw)
		return code, out.String(), errw.String()
	}
	if code, out, errw := ask(); code != 0 || !strings.Contains(out, "1 client\n") || !strings.Contains(out, "No client is in the market") {
		t.Errorf("status %d: %s%s", code, out, errw)
	}
	if code, out, errw := ask("--json"); code != 0 || !strings.Contains(out, `"clients/served": 2`) {
		t.Errorf("status %d: %s%s", code, out, errw)
	}
	if code, _, _ := ask("extra"); code != 2 {
		t.Errorf("an argument too many: status %d", code)
	}
	p.Process.Signal(syscall.SIGTERM)
	p.ended(time.Now())
	if code, out, errw := ask(); code != 1 || out != "" || !strings.Contains(errw, "no joinmarketd serves there") {
		t.Errorf("nobody there: status %d: %s%s", code, out, errw)
	}
}

// TestOnlyItsOwnFolder: with a home full of wallets that is none of its business
// the daemon leaves nothing there nor where it was started, and it makes no place
// for wallets in its own.
func TestOnlyItsOwnFolder(t *testing.T) {
	home, here := t.TempDir(), t.TempDir()
	wallet := filepath.Join(home, ".joinmarket", "wallets", "w.jmwallet")
	if err := os.MkdirAll(filepath.Dir(wallet), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(wallet, []byte("sealed"), 0o000); err != nil {
		t.Fatal(err)
	}
	list := func() (names []string) {
		for _, root := range []string{home, here} {
			err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := e.Info()
				names = append(names, path+info.Mode().String()+info.ModTime().String())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return names
	}
	before := list()
	t.Chdir(here)
	own := shortDir(t)
	p := spawn(t, own, []string{"HOME=" + home}, "--metrics", "")
	p.Process.Signal(syscall.SIGTERM)
	p.ended(time.Now())
	if _, err := os.Stat(filepath.Join(own, "wallets")); err == nil {
		t.Error("the daemon made a folder for wallets")
	}
	if after := list(); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}
