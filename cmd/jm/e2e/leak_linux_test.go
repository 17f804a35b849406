package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/config"
)

// inNamespace, in the environment, tells this test's program that it runs in a
// network of its own, and where the programs are.
const inNamespace = "JM_TEST_NAMESPACE"

// outside is the interface by which packets would leave. The resolver and all the
// world are behind it, and nobody answers. It says nothing by itself: it has no
// IPv6 and need not ask who its router is.
const outside = "outside"

const namespace = `set -e
ip link set lo up
ip link add outside type veth peer name world
ip link set outside addrgenmode none
ip link set world addrgenmode none
ip link set world up
ip link set outside up
ip address add 192.0.2.2/24 dev outside
ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev outside nud permanent
ip route add default via 192.0.2.1
mount --bind "$RESOLV" /etc/resolv.conf
exec "$@"`

// TestN17NothingLeaves: with the configuration of a new data folder, and without a
// Tor, no packet leaves the machine, whatever jm and joinmarketd are told to do:
// no connection past Tor, and no question for a name.
func TestN17NothingLeaves(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		nothingLeaves(t)
		return
	}
	t.Parallel()
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 192.0.2.1\noptions timeout:1 attempts:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	try := exec.Command("unshare", "--map-root-user", "--net", "--mount", "true")
	if out, err := try.CombinedOutput(); err != nil {
		text := fmt.Sprintf("no network namespace: %v: %s", err, out)
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--map-root-user", "--net", "--mount", "sh", "-c", namespace, "sh",
		self, "-test.run", "^TestN17NothingLeaves$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"="+programs, "RESOLV="+resolv)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestN17NothingLeaves")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// left is how many packets were to leave so far (proc(5): net/dev).
func left(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, counters, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == outside {
			n, err := strconv.Atoi(strings.Fields(counters)[9])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no interface %s in\n%s", outside, text)
	return 0
}

// nothingLeaves runs in the namespace.
func nothingLeaves(t *testing.T) {
	programs := os.Getenv(inNamespace)
	dir := t.TempDir()
	const channels = 3 // with the two of the sample
	// A name that would have to be looked up, beside the onion services.
	clear := "\n[MESSAGING:clear]\nhost = irc.example.org\nport = 6697\nchannel = pit\nusessl = true\nsocks5 = true\nsocks5_host = localhost\nsocks5_port = 9050\n"
	text := strings.Replace(string(config.Sample), "program = tor\n", "program = no-such-tor\n", 1) + clear
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Each command is ended when each channel has told that it finds no Tor.
	jm := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "jm"), append([]string{"--datadir", dir}, args...)...)
		talk, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		failed := make(map[string]bool)
		scanner := bufio.NewScanner(talk)
		for len(failed) < channels && scanner.Scan() {
			if name, why, ok := strings.Cut(scanner.Text(), ": "); ok && strings.Contains(why, "no Tor") {
				failed[name] = true
			}
		}
		cmd.Process.Signal(os.Interrupt)
		io.Copy(io.Discard, talk)
		cmd.Wait()
		if len(failed) < channels {
			t.Errorf("jm %v: only %v found no Tor", args, failed)
		}
	}
	before := left(t)
	out, err := exec.CommandContext(t.Context(), filepath.Join(programs, "jm"), "--datadir", dir, "tor").Output()
	if err == nil || !strings.Contains(string(out), "localhost:9050: nothing listens there\n") ||
		!strings.Contains(string(out), "Connections have no Tor. Install it") {
		t.Errorf("jm tor: %v\n%s", err, out)
	}
	jm("orderbook")
	socket := filepath.Join(dir, "joinmarketd.sock")
	start(t, exec.CommandContext(t.Context(), filepath.Join(programs, "joinmarketd"), "--datadir", dir)).line("listening on unix:")
	jm("orderbook", "--daemon", "unix:"+socket)
	if n := left(t) - before; n != 0 {
		t.Errorf("%d packets left", n)
	}
	// What leaves is counted.
	if _, err := net.DefaultResolver.LookupHost(t.Context(), "irc.example.org"); err == nil {
		t.Error("a name was found")
	}
	if left(t) == before {
		t.Error("a question for a name was not counted")
	}
}
