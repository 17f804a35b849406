package tor_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory"
	"github.com/joinmarket-go/joinmarket/daemon/directory/directorytest"
	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/daemon/tor/tortest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// testDirectory: behind a real Tor, set up as docs/directory.md says, a directory
// tells circuits apart, and a circuit that has all its places does not keep
// another out.
func testDirectory(t *testing.T, network *tortest.Network, client *tor.Private) {
	d := directorytest.Start(t, directory.Config{Network: "testnet", Circuits: true, Limits: directory.Limits{PerCircuit: 2}})
	host := network.Folder(t)
	service := filepath.Join(host, "service")
	torrc := documented(t, service, d.Address)
	file, err := os.OpenFile(filepath.Join(host, "torrc"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(torrc)
	if errClose := file.Close(); err != nil || errClose != nil {
		t.Fatal(err, errClose)
	}
	server, err := tor.StartPrivate(t.Context(), tor.PrivateConfig{Folder: host, Program: "tor"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	address, err := tor.KeptAddress(service)
	if err != nil {
		t.Fatal(err)
	}

	dialer := tor.Dialer{SOCKS: client.SOCKS()}
	until := time.Now().Add(patience)
	meet := func(identity string) (accepted bool) {
		t.Helper()
		var nc net.Conn
		for {
			if nc, err = dialer.Dial(t.Context(), identity, fmt.Sprintf("%s:%d", address, onion.Port)); err == nil {
				break
			}
			if time.Now().After(until) {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(until)
		line, err := onion.ClientHello{Location: onion.NotServing, Nick: protocol.RandomNick(), Network: "testnet"}.Message().Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(line)
		m, err := onion.NewReader(nc, nil).Read()
		return err == nil && strings.Contains(m.Text, `"accepted": true`)
	}
	for i, c := range []struct {
		identity string
		want     bool
	}{{"one", true}, {"one", true}, {"one", false}, {"two", true}, {"one", false}, {"two", true}, {"two", false}} {
		if got := meet(c.identity); got != c.want {
			t.Errorf("connection %d, of circuit %s: accepted %v", i, c.identity, got)
		}
	}
	if s := d.Status(); s.Peers != 4 || s.Circuits != 2 || s.Counts["refused/circuit"] != 3 {
		t.Errorf("%+v", s)
	}
}

// documented are the lines of torrc in docs/directory.md, for another folder and
// port.
func documented(t *testing.T, folder, target string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/directory.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n```\nHiddenServiceDir ")
	lines, _, ok := strings.Cut(rest, "```")
	lines, changed := "HiddenServiceDir "+lines, 0
	for old, now := range map[string]string{"/var/lib/tor/joinmarket-directory\n": folder + "\n", " 127.0.0.1:5222\n": " " + target + "\n"} {
		if strings.Contains(lines, old) {
			changed++
		}
		lines = strings.Replace(lines, old, now, 1)
	}
	if !ok || changed != 2 {
		t.Fatalf("docs/directory.md has no torrc, but %q", lines)
	}
	return lines
}
