package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/cmd/jm/internal/playground"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

func newPlayground(a *app) *cobra.Command {
	var (
		once   bool
		makers int
		onion  bool
	)
	cmd := &cobra.Command{
		Use:   "playground",
		Short: "Run a private market on this machine, to try everything",
		Long: `Run a private market on this machine: a block chain of its own (btcd, regtest),
an IRC server, a joinmarketd process, makers, and a wallet for you, all funded.
Nothing leaves this machine, and the coins are worth nothing.

With --onion the makers meet at directories, and takers connect to them, as in
the onion network, but on this machine and without Tor. There is no IRC then.

It stays up until you interrupt it and prints what to try in a second terminal.
With --once it makes one CoinJoin, shows it, and ends; the exit status says
whether it worked.

The programs joinmarketd and btcd must lie beside jm or on the PATH; make demo
builds them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.playground(cmd.Context(), makers, once, onion)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "make one CoinJoin, show it, and end")
	cmd.Flags().IntVar(&makers, "makers", 4, "how many `makers`")
	cmd.Flags().BoolVar(&onion, "onion", false, "meet at directories in place of IRC")
	cmd.AddCommand(newPlaygroundMine(a))
	return cmd
}

func (a *app) playground(ctx context.Context, makers int, once, onion bool) (err error) {
	a.running = true
	if makers < 1 || makers > 20 {
		return usagef("--makers %d: want 1 to 20", makers)
	}
	joinmarketd, err := findProgram("joinmarketd")
	if err != nil {
		return err
	}
	btcd, err := findProgram("btcd")
	if err != nil {
		return err
	}
	dir, remove, err := a.playgroundDir()
	if err != nil {
		return err
	}
	defer remove()
	market, err := playground.Start(ctx, playground.Config{
		Dir: dir, BTCD: btcd, Joinmarketd: joinmarketd, Makers: makers, Onion: onion,
		Say: func(format string, args ...any) { a.term.say("  "+format, args...) }, Logger: a.playLog(),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, market.Stop()) }()
	if once {
		return a.playOnce(ctx, market, dir, makers)
	}
	mining, err := net.Listen("unix", filepath.Join(dir, mineSocket))
	if err != nil {
		return err
	}
	defer mining.Close()
	go serveMining(ctx, mining, market)
	a.term.say("%s", playgroundHelp(dir))
	return market.Wait(ctx)
}

// playgroundDir is the folder named by --datadir, which must be empty, or a
// temporary one.
func (a *app) playgroundDir() (dir string, remove func(), err error) {
	if a.dir == "" {
		dir, err = os.MkdirTemp("", "joinmarket-playground-")
		return dir, func() { os.RemoveAll(dir) }, err
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return "", nil, err
	}
	entries, err := os.ReadDir(a.dir)
	if err == nil && len(entries) > 0 {
		err = usagef("%s is not empty: a playground wants a folder of its own", a.dir)
	}
	return a.dir, func() {}, err
}

// findProgram looks for a program beside this one, then on the PATH.
func findProgram(name string) (string, error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the playground needs %s beside jm or on the PATH; make demo builds it", name)
	}
	return path, nil
}

// playOnce makes one CoinJoin with jm as a process of its own, mines it, and
// looks into the block before it calls it done.
func (a *app) playOnce(ctx context.Context, market *playground.Market, dir string, makers int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	jm := func(args ...string) ([]byte, error) {
		args = append([]string{"--datadir", dir, "--password-file", filepath.Join(dir, playground.PasswordFile), "--json"}, args...)
		cmd := exec.CommandContext(ctx, self, args...)
		cmd.Stderr = talk{a.term}
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 10 * time.Second
		return cmd.Output()
	}
	out, err := jm("wallet", "address", "--mixdepth", "2")
	if err != nil {
		return fmt.Errorf("jm wallet address: %w", err)
	}
	var address struct{ Address string }
	if err := json.Unmarshal(out, &address); err != nil {
		return fmt.Errorf("jm wallet address: %w", err)
	}
	a.term.say("  jm sendpayment 0.25 %s -N %d, a process of its own", address.Address, makers)
	out, err = jm("sendpayment", "0.25", address.Address, "-N", strconv.Itoa(makers), "--yes")
	if err != nil {
		return withCode(exitMarket, fmt.Errorf("jm sendpayment: %w\n%s", err, out))
	}
	var join report
	if err := json.Unmarshal(out, &join); err != nil {
		return fmt.Errorf("jm sendpayment: %w", err)
	}
	block, err := market.Mine(ctx, 1)
	if err != nil {
		return fmt.Errorf("mining: %w", err)
	}
	equal, err := market.EqualOutputs(ctx, block, join.TxID, join.Amount)
	if err != nil {
		return withCode(exitMarket, err)
	}
	if equal != makers+1 {
		return withCode(exitMarket, fmt.Errorf("%s has %d equal outputs, not %d", join.TxID, equal, makers+1))
	}
	if a.json {
		return a.print(join)
	}
	fmt.Fprint(a.term.out, join.draw(a.term), join.facts(), join.times())
	fmt.Fprintf(a.term.out, "\n    from the first !fill to the broadcast: %s\n    mined in block %d with %d equal outputs\n",
		ms(join.exchange()), block.Height, equal)
	return nil
}

func playgroundHelp(dir string) string {
	return fmt.Sprintf(`
The market is up. In a second terminal:

  alias pjm='jm --datadir %[1]s --password-file %[1]s/%[2]s'

  pjm wallet show --coins                       your coins
  pjm orderbook                                 what the makers offer
  pjm sendpayment 0.25 "$(pjm wallet address -m 2)" -N 4
  pjm playground mine 6                         mine blocks; makers want your coins 5 blocks old
  pjm wallet show                               where the payment arrived

Interrupt (Ctrl-C) to end it.`, dir, playground.PasswordFile)
}

// mineSocket is where a running playground takes orders to mine: one line with
// the number of blocks, answered by one line.
const mineSocket = "mine.sock"

const maxMine = 1000 // blocks for one order

func newPlaygroundMine(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mine [BLOCKS]",
		Short: "Mine blocks in the running playground of --datadir",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.running = true
			count := 1
			if len(args) == 1 {
				var err error
				if count, err = strconv.Atoi(args[0]); err != nil || count < 1 || count > maxMine {
					return usagef("%q: want 1 to %d blocks", args[0], maxMine)
				}
			}
			nc, err := net.Dial("unix", filepath.Join(a.dir, mineSocket))
			if err != nil {
				return fmt.Errorf("no playground runs in %q (name its folder with --datadir): %w", a.dir, err)
			}
			defer nc.Close()
			fmt.Fprintln(nc, count)
			answer, err := bufio.NewReader(nc).ReadString('\n')
			if err != nil {
				return fmt.Errorf("the playground gave no answer: %w", err)
			}
			fmt.Fprint(a.term.out, answer)
			return nil
		},
	}
}

func serveMining(ctx context.Context, l net.Listener, market *playground.Market) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(nc, mineFor(ctx, nc, market))
		nc.Close()
	}
}

func mineFor(ctx context.Context, nc net.Conn, market *playground.Market) string {
	nc.SetDeadline(time.Now().Add(time.Minute))
	line := make([]byte, 8)
	n, _ := nc.Read(line)
	count, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil || count < 1 || count > maxMine {
		return "not a number of blocks"
	}
	var block chain.BlockID
	if block, err = market.Mine(ctx, count); err != nil {
		return "mining failed: " + string(bytes.ReplaceAll([]byte(err.Error()), []byte("\n"), []byte(" ")))
	}
	return fmt.Sprintf("block %d", block.Height)
}
