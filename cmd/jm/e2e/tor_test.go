package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/daemon/tor/tortest"
	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// directoryNode runs joinmarketd directory as an onion service of a Tor, and
// returns where it is.
func directoryNode(t *testing.T, client *tor.Private) (node *process, location string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "jm-directory-") // with room for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	service := filepath.Join(dir, "service")
	text := fmt.Sprintf("[BLOCKCHAIN]\nnetwork = regtest\n[DIRECTORY]\nlisten = unix:%s\npublish = true\ntor_control = %s\nservice_dir = %s\n",
		filepath.Join(dir, "onion.sock"), client.Control(), service)
	if err := os.WriteFile(filepath.Join(dir, "joinmarket.cfg"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	node = start(t, exec.Command(filepath.Join(programs, "joinmarketd"), "--datadir", dir, "directory"))
	node.line("directory on ")
	address, err := tor.KeptAddress(service)
	if err != nil {
		t.Fatal(err)
	}
	return node, address + ":5222"
}

// overTor has a participant meet the others at a directory, through a private Tor
// of a network, and nowhere else.
func (p *participant) overTor(network *tortest.Network, directory string) {
	p.t.Helper()
	config, err := os.ReadFile(filepath.Join(p.dir, "joinmarket.cfg"))
	if err != nil {
		p.t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(config), "[MESSAGING:lab]")
	_, after, _ := strings.Cut(rest, "[TIMEOUT]")
	p.write("joinmarket.cfg", before+"[MESSAGING:onion]\ntype = onion\ndirectory_nodes = "+directory+
		"\n[TOR]\nstart = always\n[TIMEOUT]"+after)
	network.Join(p.t, filepath.Join(p.dir, "tor"))
}

// TestN17CoinJoinOverTor: a directory, two makers and a taker, each a process with
// a real Tor, complete a CoinJoin over onion services; and when the directory is
// killed after the taker has read the order book, before it asks the makers, they
// do so nevertheless.
func TestN17CoinJoinOverTor(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	network := tortest.Start(t)
	client := network.Client(t)
	node, location := directoryNode(t, client)
	m := newMarket(t, regtest.BTCD)
	m.ctx = t.Context() // its own deadline is for participants without a Tor each
	taker, alice, bob := m.join("taker", false), m.join("alice", false), m.join("bob", false)
	m.fund(taker, btc/2, btc/2)
	m.fund(alice, btc, btc)
	m.fund(bob, btc, btc)
	m.mine(6)
	var makers []*process
	for _, p := range []*participant{taker, alice, bob} {
		p.overTor(network, location)
		if p != taker {
			makers = append(makers, start(t, p.command("yieldgenerator")))
		}
	}
	for _, maker := range makers {
		maker.line(`"event":"announced"`)
	}
	payment := func(end func()) {
		t.Helper()
		var to struct{ Address string }
		decode(t, taker.jm("wallet", "address", "-m", "3"), &to)
		txid := taker.agree(end, "sendpayment", "0.2", to.Address, "-N", "2")
		m.mine(1)
		for _, maker := range makers {
			maker.line(`"event":"earned"`, txid)
		}
	}
	payment(func() {})
	payment(func() { node.cmd.Process.Kill() })
}

// agree runs a command on a terminal, calls meanwhile when it asks, and says yes.
// It returns the id of the transaction that was sent.
func (p *participant) agree(meanwhile func(), args ...string) (txid string) {
	p.t.Helper()
	cmd := p.command(args...)
	out, err := os.CreateTemp(p.t.TempDir(), "")
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout = out
	screen, shown := p.asks(cmd)
	defer screen.Close()
	meanwhile()
	if _, err := io.WriteString(screen, "y\n"); err != nil {
		p.t.Fatal(err)
	}
	io.Copy(shown, screen)
	err = cmd.Wait()
	text, errRead := os.ReadFile(out.Name())
	var result struct{ TxID string }
	if err != nil || errRead != nil || json.Unmarshal(text, &result) != nil || result.TxID == "" {
		p.t.Fatalf("%v, %v, printed %s:\n%s", err, errRead, text, shown.String())
	}
	return result.TxID
}
