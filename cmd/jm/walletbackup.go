package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

func newWalletBackup(a *app) *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "backup [WALLET]",
		Short: "Save a wallet to a new backup, or list those there are",
		Long: fmt.Sprintf(`Save a wallet to a new backup in the folder backups/ beside it. That happens by
itself as well, at least once on each day on which the wallet changes. The
newest %d are kept.

A backup has the same password as the wallet had, and everything in it: labels,
frozen coins, imported keys. It is no wallet: it does not know which addresses
went out after it was made. See jm wallet restore-backup.`, store.KeepBackups),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if list {
				return a.listBackups(one(args))
			}
			w, err := a.openWallet(one(args), nil)
			if err != nil {
				return err
			}
			defer w.Close()
			made, err := w.Backup()
			if err != nil {
				return withCode(exitWallet, err)
			}
			return a.printBackups([]store.Copy{made})
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the backups, newest first")
	return cmd
}

func (a *app) listBackups(name string) error {
	path, err := a.walletPath(name)
	if err != nil {
		return err
	}
	copies, err := store.Backups(path)
	if err != nil {
		return withCode(exitWallet, err)
	}
	return a.printBackups(copies)
}

// backupEntry is a backup in the document of `jm wallet backup --json`.
type backupEntry struct {
	File string    `json:"file"`
	Time time.Time `json:"time"`
}

func (a *app) printBackups(copies []store.Copy) error {
	if a.json {
		entries := []backupEntry{}
		for _, c := range copies {
			entries = append(entries, backupEntry{c.Path, c.Time.Truncate(time.Second)})
		}
		return a.print(map[string][]backupEntry{"backups": entries})
	}
	for _, c := range copies {
		fmt.Fprintf(a.term.out, "%s  %s\n", c.Time.Local().Format(time.DateTime), c.Path)
	}
	return nil
}

func newWalletRestoreBackup(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restore-backup FILE [WALLET]",
		Short: "Make a wallet of a backup",
		Long: `Make a wallet of a backup, or of a copy of a wallet file that you made yourself,
under the same password. FILE stays as it is, and no wallet is overwritten:
choose another name, or move the damaged file away first.

A backup does not know which addresses went out after it was made. So the new
wallet looks through the whole chain before it hands out an address, and then
leaves out the next thousand of each branch: no address is ever given to two
people. Labels and frozen coins of after the backup are lost.

Do not go on using the old file as well, nor two copies on two machines: they
would not know of each other's addresses.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name := "default"
			if len(args) == 2 {
				name = args[1]
			}
			w, err := a.restoreBackup(args[0], name)
			if err != nil {
				return err
			}
			defer w.Close()
			return a.printNewWallet(w, name, "")
		},
	}
}

func (a *app) restoreBackup(backup, name string) (*wallet.Wallet, error) {
	if _, err := os.Stat(backup); err != nil { // before the password is asked for
		return nil, withCode(exitWallet, fmt.Errorf("looking for the backup: %w", err))
	}
	params, err := a.params()
	if err != nil {
		return nil, err
	}
	password, err := a.askPassword(backup)
	if err != nil {
		return nil, err
	}
	defer password.Wipe()
	a.term.waiting("making a key of the password")
	defer a.term.waiting("")
	path := a.walletFile(name)
	w, err := wallet.FromBackup(backup, path, password, wallet.Config{
		Params: params, Logger: a.log, RecoveryGap: wallet.DefaultRecoveryGap, KDF: a.kdf, Files: a.files,
	})
	if errors.Is(err, store.ErrExists) {
		err = fmt.Errorf("%s exists already; choose another name, or move that file away", path)
	}
	return w, withCode(exitWallet, err)
}
