// Package ngircd starts a real ngIRCd server for a test.
package ngircd

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
	"syscall"
	"testing"
	"time"
)

// Network is the name that the server tells in reply 005.
const Network = "jmtest"

// startTimeout bounds how long the server may take to listen, and to end.
const startTimeout = 10 * time.Second

// config of the server. Its flood control cannot be switched off: a client that
// sends many lines is read slowly.
const config = `[Global]
Name = irc.ngircd.test
Info = test server
AdminInfo1 = test
AdminEMail = test@localhost
Network = ` + Network + `
Listen = 127.0.0.1
Ports = %d
MotdPhrase = "test server"

[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30

[Options]
DNS = no
Ident = no
PAM = no
`

// Start runs ngIRCd on a free port of the loopback interface until the test
// ends and returns its address. Without the program the test is skipped, but
// fails where the environment has CI set: there it must be installed.
func Start(t testing.TB) string {
	t.Helper()
	program, err := find()
	if err != nil {
		const text = "ngircd not found: install the package ngircd to run this test"
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	// Another process may take the port between its choice and its use.
	for range 5 {
		var address string
		if address, err = start(t, program); err == nil {
			return address
		}
	}
	t.Fatal(err)
	return ""
}

// find looks beyond PATH because Debian keeps servers in /usr/sbin.
func find() (string, error) {
	if path, err := exec.LookPath("ngircd"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/ngircd")
}

func start(t testing.TB, program string) (address string, err error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	file := filepath.Join(t.TempDir(), "ngircd.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, port), 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command(program, "-n", "-f", file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("starting ngircd: %w", err)
	}
	listening := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		listening <- waitListening(out)
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
		err = errors.New("ngircd did not listen in time")
	}
	if err != nil {
		stop()
		return "", err
	}
	t.Cleanup(stop)
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// waitListening reads the server's log until it is ready. What it wrote before
// it failed becomes the error.
func waitListening(out io.Reader) error {
	var log strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(&log, lines.Text())
		if strings.Contains(lines.Text(), "Now listening on") {
			return nil
		}
	}
	return fmt.Errorf("ngircd ended before it listened:\n%s", log.String())
}
