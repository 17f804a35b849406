// Package tortest runs a Tor network of its own on the loopback interface, of the
// real program: authorities, relays, and clients that know no other. Nothing
// leaves the machine.
//
// Without the program a test is skipped, but fails where the environment has CI
// set: there it must be installed.
package tortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
)

// How many relays there are, of whom the first vote. A circuit to an onion
// service wants four that differ, and some to choose from.
const (
	authorities = 3
	relays      = 7
)

// logFile in the folder of each.
const logFile = "log"

// clientWait bounds how long a client may take to be in the network. It is there
// some votes after the start.
const clientWait = 3 * time.Minute

// Network is a running Tor network.
type Network struct {
	nodes []*node
	torrc string
}

// node is a relay.
type node struct {
	name        string
	dir         string
	or, dirPort int    // dirPort: 0 for who does not vote
	identity    string // of who votes: hex of its long-term key
	fingerprint string // of the relay
	cmd         *exec.Cmd
}

// Start starts a network, which ends with the test. It takes about half a minute
// to be of use; Client waits for it.
func Start(t testing.TB) *Network {
	t.Helper()
	for _, program := range []string{"tor", "tor-gencert"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no %s: run scripts/install-test-deps.sh", program)
			}
			t.Skipf("no %s: run scripts/install-test-deps.sh", program)
		}
	}
	n := &Network{}
	ports := freePorts(t, relays+authorities)
	dir := t.TempDir()
	for i := range relays {
		relay := &node{name: "relay" + strconv.Itoa(i), dir: filepath.Join(dir, strconv.Itoa(i)), or: ports[i]}
		if i < authorities {
			relay.dirPort = ports[relays+i]
		}
		n.nodes = append(n.nodes, relay)
	}
	prepared := make(chan error)
	for _, relay := range n.nodes {
		go func() { prepared <- relay.prepare() }()
	}
	for range n.nodes {
		if err := <-prepared; err != nil {
			t.Fatal(err)
		}
	}
	n.torrc = shared(n.nodes)
	for _, relay := range n.nodes {
		if err := relay.start(n.torrc); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(relay.stop)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("an authority's last words:\n%s", n.nodes[0].lastWords())
		}
	})
	return n
}

// prepare makes the keys, whose names the others have to know.
func (n *node) prepare() error {
	keys := filepath.Join(n.dir, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil || n.dirPort == 0 {
		return err
	}
	certificate := filepath.Join(keys, "authority_certificate")
	gencert := exec.Command("tor-gencert", "--create-identity-key", "-m", "12", "--passphrase-fd", "0",
		"-i", filepath.Join(keys, "authority_identity_key"), "-s", filepath.Join(keys, "authority_signing_key"), "-c", certificate)
	gencert.Stdin = strings.NewReader("of no use\n")
	if out, err := gencert.CombinedOutput(); err != nil {
		return fmt.Errorf("tor-gencert: %w\n%s", err, out)
	}
	text, err := os.ReadFile(certificate)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(text, []byte("\nfingerprint "))
	identity, _, ok := bytes.Cut(rest, []byte("\n"))
	if !ok {
		return errors.New("tor-gencert wrote a certificate without fingerprint")
	}
	n.identity = string(identity)
	// Who votes must know of some authority, here of one that is not.
	list := exec.Command("tor", "--defaults-torrc", "none", "-f", "none", "--ignore-missing-torrc", "--list-fingerprint",
		"--DataDirectory", n.dir, "--ORPort", strconv.Itoa(n.or), "--Nickname", n.name, "--TestingTorNetwork", "1",
		"--DirAuthority", "none 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff")
	list.Dir = n.dir
	if out, err := list.CombinedOutput(); err != nil {
		return fmt.Errorf("tor --list-fingerprint: %w\n%s", err, out)
	}
	line, err := os.ReadFile(filepath.Join(n.dir, "fingerprint"))
	if err != nil {
		return err
	}
	_, fingerprint, ok := strings.Cut(strings.TrimSpace(string(line)), " ")
	if !ok {
		return fmt.Errorf("fingerprint %q", line)
	}
	n.fingerprint = fingerprint
	return nil
}

func (n *node) start(shared string) error {
	torrc := filepath.Join(n.dir, "torrc")
	if err := os.WriteFile(torrc, []byte(n.torrc(shared)), 0o600); err != nil {
		return err
	}
	n.cmd = exec.Command("tor", "--defaults-torrc", filepath.Join(n.dir, "none"), "-f", torrc,
		"--__OwningControllerProcess", strconv.Itoa(os.Getpid()))
	return n.cmd.Start()
}

func (n *node) stop() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
}

func (n *node) lastWords() string {
	text, err := os.ReadFile(filepath.Join(n.dir, logFile))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-3000):])
}

// Folder makes a folder for a private Tor of this network: what package tor
// starts in it knows no other.
func (n *Network) Folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	n.Join(t, dir)
	return dir
}

// Join makes a folder, that of a private Tor, one of this network.
func (n *Network) Join(t testing.TB, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "torrc"), []byte(n.torrc), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Client starts a Tor that is a client of the network, and waits until it is
// there. It ends with the test.
func (n *Network) Client(t testing.TB) *tor.Private {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientWait)
	defer cancel()
	if err := n.agreed(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := tor.StartPrivate(ctx, tor.PrivateConfig{Folder: n.Folder(t), Program: "tor"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

// agreed waits until the authorities have agreed upon all relays: who asks them
// earlier asks again after pauses that grow.
func (n *Network) agreed(ctx context.Context) error {
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		count := 0
		for _, a := range n.nodes[:authorities] {
			consensus, err := os.ReadFile(filepath.Join(a.dir, "cached-microdesc-consensus"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if bytes.Count(consensus, []byte(" HSDir Running ")) == relays {
				count++
			}
		}
		if count == authorities {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("the authorities did not agree upon the relays: %w", ctx.Err())
		}
	}
}

// freePorts are ports of the loopback interface that nobody uses at present.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
