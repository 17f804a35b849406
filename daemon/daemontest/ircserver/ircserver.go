// Package ircserver starts real IRC servers for a test: ngIRCd and InspIRCd.
// Each runs on free ports of the loopback interface, plain and with TLS, until
// the test ends.
//
// Without its program a test is skipped, but fails where the environment has CI
// set: there it must be installed. StartNgIRCd is for programs that are no test.
package ircserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Network is the name that the servers tell in reply 005.
const Network = "jmtest"

// Operator is the name and the password by which a client becomes an operator of
// the server (OPER).
const Operator = "op"

// Options of a server.
type Options struct {
	Password string // that clients must know; empty for none
	// FloodLimit is how many commands a client may send in ten seconds before
	// the server ends its connection; 0 means any number. InspIRCd only.
	FloodLimit int
}

// Server is a running server.
type Server struct {
	Address    string // host:port, plain
	TLSAddress string // host:port, with TLS
	CA         string // the certificate it shows, self-signed, in PEM
	Stop       func() // ends it before the test does
}

// startTimeout bounds how long a server may take to listen, and to end.
const startTimeout = 10 * time.Second

// program is how a server is run.
type program struct {
	name   string // also of its Debian package
	config func(dir string, plain, secure int, o Options) string
	args   []string // in front of the configuration file's name
	ready  string   // in its output when it listens
	ports  int      // how many times: once for all ports, or for each
}

func (p program) run(t testing.TB, o Options) Server {
	t.Helper()
	path, err := find(p.name)
	if err != nil {
		text := p.name + " not found: install the package " + p.name + " to run this test"
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	s, err := p.launch(path, t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// launch starts a program that keeps its files in dir. Another process may take
// a port between its choice and its use, so it is tried a few times.
func (p program) launch(path, dir string, o Options) (s Server, err error) {
	for range 5 {
		if s, err = p.start(path, dir, o); err == nil {
			break
		}
	}
	return s, err
}

// find looks beyond PATH because Debian keeps servers in /usr/sbin.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

func (p program) start(path, dir string, o Options) (Server, error) {
	plain, err := freePort()
	if err != nil {
		return Server{}, err
	}
	secure, err := freePort()
	if err != nil {
		return Server{}, err
	}
	ca, err := writeCertificate(dir)
	if err != nil {
		return Server{}, err
	}
	file := filepath.Join(dir, p.name+".conf")
	if err := os.WriteFile(file, []byte(p.config(dir, plain, secure, o)), 0o644); err != nil {
		return Server{}, err
	}
	cmd := exec.Command(path, append(p.args, file)...)
	cmd.Dir = dir // where it may leave what it likes
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Server{}, err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return Server{}, fmt.Errorf("starting %s: %w", p.name, err)
	}
	listening := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		listening <- waitFor(out, p.ready, p.ports)
		io.Copy(io.Discard, out)
		cmd.Wait()
	}()
	stop := func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(startTimeout):
			cmd.Process.Kill()
			<-ended
		}
	}
	select {
	case err = <-listening:
	case <-time.After(startTimeout):
		err = errors.New(p.name + " did not listen in time")
	}
	if err != nil {
		stop()
		return Server{}, err
	}
	stop = sync.OnceFunc(stop)
	at := func(port int) string { return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)) }
	return Server{Address: at(plain), TLSAddress: at(secure), CA: ca, Stop: stop}, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// waitFor reads the server's output until it is ready. What it wrote before it
// failed becomes the error.
func waitFor(out io.Reader, ready string, times int) error {
	var log strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(&log, lines.Text())
		if strings.Contains(lines.Text(), ready) {
			times--
		}
		if times == 0 {
			return nil
		}
	}
	return fmt.Errorf("the server ended before it listened:\n%s", log.String())
}
