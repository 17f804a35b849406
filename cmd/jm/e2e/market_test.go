package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
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

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/creack/pty"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// programs is the folder with jm and joinmarketd.
var programs string

func TestMain(m *testing.M) {
	// The tests wait for their programs, blocks and deadlines most of the time.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "jm-e2e-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir, "github.com/joinmarket-go/joinmarket/cmd/jm", "github.com/joinmarket-go/joinmarket/cmd/joinmarketd")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
			return 1
		}
		programs = dir
		return m.Run()
	}())
}

// deadline bounds every wait of these tests.
const deadline = 90 * time.Second

// market is what the participants of one test share.
type market struct {
	t     *testing.T
	ctx   context.Context
	node  *regtest.Node
	irc   string // host:port
	chain string // lines of [BLOCKCHAIN]
}

func newMarket(t *testing.T, kind regtest.Kind) *market {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*deadline)
	t.Cleanup(cancel)
	m := &market{t: t, ctx: ctx, irc: ircserver.NgIRCd(t, ircserver.Options{}).Address}
	if kind == regtest.BTCD {
		m.node = chaintest.StartBTCD(t)
		m.chain = chainLines("btcd", "regtest", m.node)
	} else {
		m.node = chaintest.StartBitcoind(t)
		m.chain = chainLines("bitcoin-rpc", "regtest", m.node)
	}
	return m
}

// chainLines are the keys of [BLOCKCHAIN] that reach a node.
func chainLines(source, network string, node *regtest.Node) string {
	rpc := node.Access()
	host, port, _ := net.SplitHostPort(rpc.Addr)
	return fmt.Sprintf("blockchain_source = %s\nnetwork = %s\nrpc_host = %s\nrpc_port = %s\nrpc_user = %s\nrpc_password = %s\nrpc_cookie_file = %s\n",
		source, network, host, port, rpc.User, rpc.Password.Reveal(), rpc.CookieFile)
}

// participant is a data folder with a wallet in it.
type participant struct {
	*market
	dir string
}

// join makes a participant. standalone says whether it uses the daemon at its
// folder's socket or one inside the process.
func (m *market) join(name string, standalone bool) *participant {
	m.t.Helper()
	// A socket's path has little room, so this is not t.TempDir.
	dir, err := os.MkdirTemp("", "jm-"+name+"-")
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { os.RemoveAll(dir) })
	host, port, _ := net.SplitHostPort(m.irc)
	text := fmt.Sprintf(`[DAEMON]
no_daemon = %d
[BLOCKCHAIN]
%s
rpc_wallet_file = %s
[MESSAGING:lab]
host = %s
port = %s
channel = joinmarket-pit
line_interval_ms = 100
[TIMEOUT]
maker_timeout_sec = 30
[POLICY]
minimum_makers = 2
max_cj_fee_abs = 5000
max_cj_fee_rel = 0.001
tx_fees = 2000
tx_broadcast = self
[YIELDGENERATOR]
ordertype = both
`, map[bool]int{true: 0, false: 1}[standalone], m.chain, "watch-"+name, host, port)
	p := &participant{m, dir}
	p.write("joinmarket.cfg", text)
	p.write("password", "correct horse\n")
	p.create()
	return p
}

func (p *participant) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// command is jm with this participant's folder and password.
func (p *participant) command(args ...string) *exec.Cmd {
	args = append([]string{"--datadir", p.dir, "--json", "--password-file", filepath.Join(p.dir, "password")}, args...)
	cmd := exec.CommandContext(p.ctx, filepath.Join(programs, "jm"), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// jm runs a command that must succeed and returns its JSON.
func (p *participant) jm(args ...string) []byte {
	p.t.Helper()
	out, talk, code := p.try(args...)
	if code != 0 {
		p.t.Fatalf("jm %s: exit status %d\n%s%s", strings.Join(args, " "), code, out, talk)
	}
	return out
}

// try runs a command and returns what it printed and its exit status.
func (p *participant) try(args ...string) (out []byte, talk string, code int) {
	p.t.Helper()
	var errs bytes.Buffer
	cmd := p.command(args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("jm %s: %v", strings.Join(args, " "), err)
	}
	return out, errs.String(), cmd.ProcessState.ExitCode()
}

// asks runs a command on a terminal until it asks whether to send, and returns
// the terminal and what it shows. The terminal must be closed.
func (p *participant) asks(cmd *exec.Cmd) (screen *os.File, shown *strings.Builder) {
	p.t.Helper()
	screen, err := pty.Start(cmd)
	if err != nil {
		p.t.Fatal(err)
	}
	shown = new(strings.Builder)
	buf := make([]byte, 4096)
	for !strings.Contains(shown.String(), "Send it? (y/n): ") {
		n, err := screen.Read(buf)
		if err != nil {
			screen.Close()
			cmd.Wait()
			p.t.Fatalf("it ended without asking:\n%s", shown.String())
		}
		shown.Write(buf[:n])
	}
	return screen, shown
}

// decline runs a command on a terminal, as a person who looks for words, and
// says no when asked.
func (p *participant) decline(words []string, args ...string) {
	p.t.Helper()
	cmd := p.command(args...)
	screen, shown := p.asks(cmd)
	defer screen.Close()
	for _, what := range words {
		if !strings.Contains(shown.String(), what) {
			p.t.Errorf("the quote does not show %q:\n%s", what, shown.String())
		}
	}
	if _, err := io.WriteString(screen, "n\n"); err != nil {
		p.t.Fatal(err)
	}
	io.Copy(io.Discard, screen)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		p.t.Errorf("declining ends with status %d, want 3", code)
	}
}

// fund pays coins to fresh addresses of mixdepth 0.
func (m *market) fund(p *participant, amounts ...sats.Amount) {
	m.t.Helper()
	var outputs []*wire.TxOut
	for _, amount := range amounts {
		var answer struct{ Address string }
		decode(m.t, p.jm("wallet", "address"), &answer)
		script, err := txbuild.ParseAddress(answer.Address, regtest.Params)
		if err != nil {
			m.t.Fatal(err)
		}
		outputs = append(outputs, wire.NewTxOut(int64(amount), script))
	}
	if _, err := m.node.Fund(m.ctx, outputs...); err != nil {
		m.t.Fatal(err)
	}
}

func (m *market) mine(count int) {
	m.t.Helper()
	if _, err := m.node.Mine(m.ctx, count); err != nil {
		m.t.Fatal(err)
	}
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

// process is a program that runs until the test ends, and whose lines of
// standard output can be waited for.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	talk  *bytes.Buffer // standard error; read only after the end
	lines chan string   // closed at the end
	ended chan error
}

func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, talk: &bytes.Buffer{}, lines: make(chan string, 1000), ended: make(chan error, 1)}
	cmd.Stderr = p.talk
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
		close(p.lines)
		io.Copy(io.Discard, out)
		p.ended <- cmd.Wait()
	}()
	t.Cleanup(func() { p.stop() })
	return p
}

// line waits for a line of output that has all the words.
func (p *process) line(words ...string) string {
	p.t.Helper()
	limit := time.After(deadline)
next:
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				<-p.ended
				p.t.Fatalf("%s ended before it printed %q:\n%s", p.cmd, words, p.talk)
			}
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue next
				}
			}
			return line
		case <-limit:
			p.t.Fatalf("%s did not print %q in time", p.cmd, words)
		}
	}
}

// stop asks the program to end and returns its exit status.
func (p *process) stop() int {
	p.t.Helper()
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(deadline):
			p.cmd.Process.Kill()
			p.t.Errorf("%s did not end when told to", p.cmd)
		}
	}
	return p.cmd.ProcessState.ExitCode()
}

// joinmarketd starts a daemon at the participant's socket.
func (p *participant) joinmarketd() *process {
	d := start(p.t, exec.CommandContext(p.ctx, filepath.Join(programs, "joinmarketd"), "--datadir", p.dir))
	d.line("listening on unix:")
	return d
}
