package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/jmdat"
	"github.com/joinmarket-go/joinmarket/wallet/migrate"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// oldExt ends the names of the wallet files of the Python JoinMarket.
const oldExt = ".jmdat"

func newWalletMigrate(a *app) *cobra.Command {
	var (
		yes      bool
		password secretSource
		birthday string
	)
	cmd := &cobra.Command{
		Use:   "migrate FILE.jmdat [WALLET]",
		Short: "Make a wallet of one of the Python JoinMarket",
		Long: `Make a wallet of a wallet file of the Python JoinMarket (.jmdat), with its
seed, indices, frozen coins and labels. The old file is read only, and stays as
it is.

First it shows what it found; nothing is written until you agree, by --yes or
on a terminal. Compare the first address with the one that the old program
shows. What it cannot keep yet it names, and makes nothing.

FILE.jmdat is a name in the data folder's wallets/, or a path. WALLET is the
name of the new wallet, by default that of the old one. From then on use one of
the two programs only: both would hand out the same addresses.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			var birth time.Time
			if birthday != "" {
				var err error
				if birth, err = time.Parse(time.DateOnly, birthday); err != nil {
					return usagef("--birthday %q: want a date such as 2023-04-05", birthday)
				}
			}
			return a.migrate(a.oldWalletPath(args[0]), args[1:], password, birth, yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "make the new wallet without asking")
	cmd.Flags().StringVar(&password.file, "old-password-file", "", "read the old file's password from a `file`")
	cmd.Flags().IntVar(&password.fd, "old-password-fd", -1, "read the old file's password from a file `descriptor`")
	cmd.Flags().StringVar(&birthday, "birthday", "", "a `date` (YYYY-MM-DD) before which the wallet was not used; that of the old file may be too late")
	cmd.MarkFlagsMutuallyExclusive("old-password-file", "old-password-fd")
	return cmd
}

// oldWalletPath finds the old file behind what the user wrote.
func (a *app) oldWalletPath(name string) string {
	if strings.ContainsRune(name, filepath.Separator) || strings.Contains(name, "/") {
		return name
	}
	return filepath.Join(a.cfg.Dir, "wallets", strings.TrimSuffix(name, oldExt)+oldExt)
}

func (a *app) migrate(from string, args []string, password secretSource, birth time.Time, yes bool) error {
	pid, inUse, err := jmdat.InUse(from)
	if err != nil {
		return withCode(exitWallet, err)
	}
	if inUse {
		return withCode(exitWallet, fmt.Errorf("JoinMarket uses %s (process %d), or was killed while it did; close it first, and if it does not run any more, remove %s",
			from, pid, filepath.Join(filepath.Dir(from), "."+filepath.Base(from)+".lock")))
	}
	old, err := a.openOld(from, password)
	if err != nil {
		return err
	}
	defer old.Wipe()
	params, err := a.params()
	if err != nil {
		return err
	}
	plan, err := migrate.New(old, params, birth)
	if err != nil {
		return withCode(exitWallet, err)
	}
	name := strings.TrimSuffix(filepath.Base(from), oldExt)
	if len(args) > 0 {
		name = args[0]
	}
	origin := wallet.Origin{
		Seed: plan.Seed, Type: plan.Type, Next: plan.Next, Frozen: plan.Frozen, Labels: plan.Labels,
	}
	for _, k := range plan.Imported {
		origin.Imported = append(origin.Imported, wallet.Import{Mixdepth: k.Path.Mixdepth, Key: k.Key})
	}
	found := newMigration(from, old, plan)
	if !a.json {
		fmt.Fprint(a.term.out, found.text())
	}
	if err := origin.Check(params); err != nil {
		return withCode(exitWallet, err)
	}
	if !yes && a.json {
		return a.print(found)
	}
	if !yes {
		if yes, err = a.term.confirm("Make the wallet " + name + " of it?"); errors.Is(err, errNoTerminal) {
			a.term.say("Nothing was written. Add --yes to make the wallet %s of it.", name)
			return nil
		}
		if err != nil {
			return err
		}
		if !yes {
			return errDeclined
		}
	}
	path, err := a.makeWallet(name, func(path string, password secret.Text, cfg wallet.Config) error {
		return wallet.Restore(path, password, origin, cfg)
	})
	if err != nil {
		return err
	}
	found.Wallet, found.File = name, path
	if a.json {
		return a.print(found)
	}
	fmt.Fprintf(a.term.out, "\nwallet %s\nfile   %s\n", name, path)
	a.term.say("The old file was not touched: keep it as a backup. Do not use it with JoinMarket any more.")
	return nil
}

// openOld opens an old file. Only for an encrypted one is a password asked.
func (a *app) openOld(path string, source secretSource) (*jmdat.Wallet, error) {
	password, named, err := source.read(a.term)
	if err != nil {
		return nil, err
	}
	defer func() { password.Wipe() }()
	for {
		a.term.waiting("opening the old file")
		old, err := jmdat.OpenFile(path, password)
		a.term.waiting("")
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, withCode(exitWallet, fmt.Errorf("there is no file %s; jm wallet list names the old wallets in the data folder", path))
		case named || !errors.Is(err, jmdat.ErrNoPassword):
			return old, withCode(exitWallet, err)
		}
		if password, err = a.term.askSecret("Password of the old file " + path + ": "); err != nil {
			return nil, usagef("%w; name a source with --old-password-file or --old-password-fd", err)
		}
		named = true
	}
}

// oldWallets lists the wallets of the Python JoinMarket in the data folder,
// with the ending.
func (a *app) oldWallets() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(a.cfg.Dir, "wallets"))
	if err != nil {
		return nil, withCode(exitWallet, fmt.Errorf("looking for wallets: %w", err))
	}
	names := []string{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), oldExt) && !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// adviseMigration returns an error if name stands for a wallet of the Python
// JoinMarket and not, as path, for one of ours.
func (a *app) adviseMigration(name, path string) error {
	old := path
	if !strings.HasSuffix(old, oldExt) {
		if _, err := os.Lstat(path); err == nil {
			return nil
		}
		old = a.oldWalletPath(strings.TrimSuffix(name, walletExt))
	}
	if _, err := os.Stat(old); err != nil {
		return nil
	}
	return withCode(exitWallet, fmt.Errorf("%s is a wallet of the Python JoinMarket; make one of ours of it with: jm wallet migrate %s", old, name))
}
