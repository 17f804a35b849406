package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

const (
	accountPassword = "canary-of-the-account"
	serverPassword  = "canary-of-the-server"
)

var accountAnswer = base64.StdEncoding.EncodeToString([]byte("somebody\x00somebody\x00" + accountPassword))

// TestD9MarketRevealsSecrets: a CoinJoin, with a daemon apart and one in the
// process, everybody as talkative as can be, on a network that wants passwords.
// Neither a secret nor a transaction is in what any program says and
// logs.
func TestD9MarketRevealsSecrets(t *testing.T) {
	t.Parallel()
	m := newMarket(t, regtest.BTCD)
	taker, alice := m.join("taker", false), m.join("alice", false)
	_, port, _ := net.SplitHostPort(m.irc)
	door := guard(t, m.irc)
	for _, p := range []*participant{taker, alice} {
		p.change("minimum_makers = 2", "minimum_makers = 1")
		p.change("port = "+port+"\nchannel", fmt.Sprintf("port = %d\nserver_password = %s\nsasl = plain\nsasl_user = somebody\nsasl_password = %s\nchannel", door, serverPassword, accountPassword))
	}
	m.fund(taker, sats.PerBTC/2)
	m.fund(alice, sats.PerBTC)
	m.mine(6)

	daemon := start(t, exec.CommandContext(m.ctx, filepath.Join(programs, "joinmarketd"), "--datadir", taker.dir, "--listen", "tcp:127.0.0.1:0", "--log-level", "DEBUG"))
	_, address, _ := strings.Cut(daemon.line("listening on tcp:"), "tcp:")
	cookie, err := os.ReadFile(filepath.Join(taker.dir, "joinmarketd.cookie"))
	if err != nil {
		t.Fatal(err)
	}
	between := overhear(t, address)
	maker := start(t, alice.command("yieldgenerator", "-v"))
	maker.line(`"event":"announced"`)
	var said bytes.Buffer // by the commands, and to their standard error
	run := func(args ...string) {
		t.Helper()
		out, talk, code := taker.try(append(args, "-v", "--daemon", "tcp:"+between.address)...)
		if code != 0 {
			t.Fatalf("%v: exit status %d\n%s", args, code, talk)
		}
		said.Write(out)
		said.WriteString(talk)
	}
	run("orderbook")
	run("status")
	run("sendpayment", "0.1", "bcrt1ql5e9d9f6l0wzwg9sv22ulk2lzk4ptucpltl82x", "-N", "1", "--yes")
	maker.line(`"event":"signed"`)
	if maker.stop() != 0 || daemon.stop() != 0 {
		t.Errorf("%s%s", maker.talk, daemon.talk)
	}

	canaries := map[string]string{
		"password of the account": accountPassword,
		"answer to the server":    accountAnswer,
		"password of the server":  serverPassword,
		"password of the node":    m.node.Access().Password.Reveal(),
		"password of the wallet":  "correct horse",
	}
	canaries["cookie"] = strings.TrimSpace(string(cookie))
	tokens := regexp.MustCompile(`"token":"([0-9a-f]{64})"`).FindAllStringSubmatch(between.heard(), -1)
	if len(tokens) < 2 {
		t.Fatalf("%d tokens were given", len(tokens))
	}
	for i, found := range tokens {
		canaries[fmt.Sprint("token ", i)] = found[1]
	}
	for _, p := range []*participant{taker, alice} {
		p.canaries(canaries)
	}
	for i, tx := range m.mempoolHex() {
		canaries[fmt.Sprint("transaction ", i)] = tx
	}

	texts := map[string]string{"what jm says": said.String(), "what the maker says": maker.talk.String(), "what joinmarketd says": daemon.talk.String()}
	for _, p := range []*participant{taker, alice} {
		p.files(texts)
	}
	for _, log := range []string{taker.dir + "/logs/jm.log", taker.dir + "/logs/joinmarketd.log", alice.dir + "/logs/jm.log"} {
		if !strings.Contains(texts[log], "level=") {
			t.Errorf("%s was not looked at", log)
		}
	}
	for name, text := range texts {
		for what, canary := range canaries {
			// What went out is told who asked for it: on standard output, as JSON.
			if len(canary) < 8 || strings.Contains(strings.ToLower(text), strings.ToLower(canary)) &&
				!(name == "what jm says" && strings.HasPrefix(what, "transaction")) {
				t.Errorf("%s: %s (%d bytes)", name, what, len(canary))
			}
		}
		if key := extendedKey.FindString(text); key != "" {
			t.Errorf("%s: an extended private key", name)
		}
	}
}

var extendedKey = regexp.MustCompile(`[xyzt]prv[1-9A-HJ-NP-Za-km-z]{50,}`)

// canaries adds the secrets of the participant's wallet.
func (p *participant) canaries(to map[string]string) {
	p.t.Helper()
	w, err := wallet.Open(filepath.Join(p.dir, "wallets", "default.jmwallet"), secret.NewText("correct horse"), wallet.Config{Params: regtest.Params})
	if err != nil {
		p.t.Fatal(err)
	}
	defer w.Close()
	phrase, err := wallettest.Seed(p.t, w).Phrase()
	if err != nil {
		p.t.Fatal(err)
	}
	name := filepath.Base(p.dir)
	to["words of "+name] = strings.Join(strings.Fields(phrase.Reveal())[:3], " ")
	to["entropy of "+name] = hex.EncodeToString(wallettest.Seed(p.t, w).Entropy().Reveal())
	err = w.WithKeys(func(t *keys.Tree) error {
		for mixdepth := range 2 {
			for branch := range uint32(2) {
				path := keys.Path{Mixdepth: mixdepth, Branch: branch}
				wif, err := t.WIF(path)
				if err != nil {
					return err
				}
				key, err := t.PrivateKey(path)
				if err != nil {
					return err
				}
				to[fmt.Sprintf("key of %s at %+v", name, path)] = wif.Reveal()
				to[fmt.Sprintf("hex key of %s at %+v", name, path)] = hex.EncodeToString(key.Serialize())
			}
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// files adds what is in the data folder, but for the files where secrets belong.
func (p *participant) files(to map[string]string) {
	p.t.Helper()
	err := filepath.WalkDir(p.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || slices.Contains([]string{"password", "joinmarket.cfg", "joinmarketd.cookie"}, e.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		to[path] = string(data)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// mempoolHex are the transactions that the node has, in hex.
func (m *market) mempoolHex() (txs []string) {
	m.t.Helper()
	var ids []chainhash.Hash
	if err := m.node.Client().Call(m.ctx, "getrawmempool", []any{}, &ids); err != nil || len(ids) == 0 {
		m.t.Fatalf("%v, %v", ids, err)
	}
	for _, id := range ids {
		var tx string
		if err := m.node.Client().Call(m.ctx, "getrawtransaction", []any{id.String(), 0}, &tx); err != nil {
			m.t.Fatal(err)
		}
		// The signed and the unsigned one have all but the marks in common.
		txs = append(txs, tx[12:12+200])
	}
	return txs
}

// guard is a door of an IRC server that wants a password and an account.
func guard(t *testing.T, server string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go admit(nc, server)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// admit logs one client in and passes it on.
func admit(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var held []string // until the login is done
	known, in := false, false
	for lines := bufio.NewScanner(client); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "PASS "):
			known = line == "PASS :"+serverPassword
		case strings.HasPrefix(line, "CAP REQ"):
			io.WriteString(client, ":srv CAP * ACK :sasl\r\n")
		case line == "AUTHENTICATE PLAIN":
			io.WriteString(client, "AUTHENTICATE +\r\n")
		case known && line == "AUTHENTICATE "+accountAnswer:
			io.WriteString(client, ":srv 903 * :done\r\n")
		case strings.HasPrefix(line, "AUTHENTICATE "):
			io.WriteString(client, ":srv 904 * :wrong\r\n")
		case line == "CAP END":
			in = true
			io.WriteString(server, strings.Join(held, ""))
			go func() {
				io.Copy(client, server)
				client.Close()
			}()
		case !in:
			held = append(held, line+"\r\n")
		default:
			io.WriteString(server, line+"\r\n")
		}
	}
}

// tap is a listener between clients and a daemon.
type tap struct {
	address string

	mu   sync.Mutex
	text bytes.Buffer
}

func (b *tap) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// heard is what the daemon said so far.
func (b *tap) heard() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// overhear passes connections on to a daemon and notes what it says.
func overhear(t *testing.T, address string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b := &tap{address: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			daemon, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			go func() {
				io.Copy(daemon, client)
				daemon.Close()
			}()
			go func() {
				io.Copy(io.MultiWriter(client, b), daemon)
				client.Close()
			}()
		}
	}()
	return b
}
