// Command jm is the user's side of JoinMarket: it owns the wallet and decides
// everything about money. See docs/ and `jm --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/internal/nodump"
)

// version is set by the linker.
var version = "dev"

func main() {
	if err := nodump.Set(); err != nil {
		fmt.Fprintf(os.Stderr, "jm: %v\n", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := (&app{term: newTerminal(os.Stdin, os.Stdout, os.Stderr)}).run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit status.
func (a *app) run(ctx context.Context, args []string) int {
	t := a.term
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	cmd, err := root.ExecuteContextC(ctx)
	t.waiting("")
	code := exitCode(err)
	if err != nil && !a.running {
		code = exitUsage // cobra found fault with the arguments
	}
	switch {
	case code == exitInterrupted:
		t.say("Interrupted.")
	case code == exitUsage && !a.running:
		t.say("jm: %v\nUsage: %s\nTry: %s --help", err, cmd.UseLine(), cmd.CommandPath())
	case code == exitUsage:
		t.say("jm: %v\nTry: %s --help", err, cmd.CommandPath())
	case err != nil:
		t.say("jm: %v", err)
	}
	if advice := diskAdvice(err); advice != "" {
		t.say("%s", advice)
	}
	return code
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "jm",
		Short: "CoinJoins without a coordinator",
		Long: `jm takes part in JoinMarket, Bitcoin's CoinJoin market without a coordinator.

Makers offer coins for a fee; a taker picks some of them and pays so that
everybody gets an equal output. jm holds your wallet, signs, and decides.

A first look, on a private chain of your own:
  jm playground

With your node (see joinmarket.cfg in the data folder):
  jm wallet create
  jm wallet address
  jm orderbook
  jm sendpayment 0.05 bc1q...

` + exitHelp,
		Version:           version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetVersionTemplate("jm {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "datadir", "", "data `folder` (default ~/.joinmarket)")
	flags.BoolVar(&a.json, "json", false, "print the result as JSON on standard output")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more about what goes on")
	flags.StringVar(&a.daemon, "daemon", "", "`address` of a joinmarketd (unix:/path or tcp:127.0.0.1:port), or inprocess; default: [DAEMON] of joinmarket.cfg")
	flags.StringVar(&a.password.file, "password-file", "", "read the wallet's password from a `file`")
	flags.IntVar(&a.password.fd, "password-fd", -1, "read the wallet's password from a file `descriptor`")
	flags.BoolVar(&a.passwordStdin, "wallet-password-stdin", false, "read the wallet's password from the first line of standard input")
	root.MarkFlagsMutuallyExclusive("password-file", "password-fd", "wallet-password-stdin")
	root.AddCommand(newWallet(a), newSendPayment(a), newSendToMany(a), newYieldGenerator(a), newBond(a), newTumbler(a), newPodle(a), newOrderbook(a), newHistory(a), newExplain(a), newStatus(a), newDoctor(a), newTor(a), newPlayground(a))
	a.completeWallets(root)
	tidyDefaults(root)
	return root
}

// group makes a command that only holds others: alone it prints its help, with
// an unknown name it complains.
func group(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
			}
			return cmd.Help()
		},
	}
}

// addGroup adds commands under a heading of their parent's help.
func addGroup(parent *cobra.Command, title string, cmds ...*cobra.Command) {
	parent.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range cmds {
		cmd.GroupID = title
	}
	parent.AddCommand(cmds...)
}

var errDeclined = &coded{exitDeclined, errors.New("declined; nothing was sent")}

// needYes explains how to go on without a terminal.
func needYes(err error) error {
	if errors.Is(err, errNoTerminal) {
		return usagef("%w; add --yes to agree beforehand", err)
	}
	return fmt.Errorf("asking: %w", err)
}
