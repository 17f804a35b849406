package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

func newWalletChangePassword(a *app) *cobra.Command {
	var next secretSource
	cmd := &cobra.Command{
		Use:     "change-password [WALLET]",
		Aliases: []string{"changepass"},
		Short:   "Give a wallet file another password",
		Long: `Give a wallet file another password. The old one is asked for first, or comes from
--password-file, --password-fd or --wallet-password-stdin.

The backups that were made before keep the old password; a new one is made at
once, under the new password. If somebody may know the old password, delete the
older backups, and send the coins to a new wallet if he may have a copy.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			return a.changePassword(one(args), next)
		},
	}
	cmd.Flags().StringVar(&next.file, "new-password-file", "", "read the new password from a `file`")
	cmd.Flags().IntVar(&next.fd, "new-password-fd", -1, "read the new password from a file `descriptor`")
	cmd.MarkFlagsMutuallyExclusive("new-password-file", "new-password-fd")
	return cmd
}

func (a *app) changePassword(name string, source secretSource) error {
	path, err := a.walletPath(name)
	if err != nil {
		return err
	}
	w, err := a.openWallet(name, nil)
	if err != nil {
		return err
	}
	defer w.Close()
	password, err := a.newPassword(source, "New password of "+path+": ", "--new-password-file or --new-password-fd")
	if err != nil {
		return err
	}
	defer password.Wipe()
	older, err := store.Backups(path)
	if err != nil {
		return withCode(exitWallet, err)
	}
	a.term.waiting("making a key of the password")
	err = w.ChangePassword(password)
	a.term.waiting("")
	if err != nil {
		return unsure(err)
	}
	made, err := w.Backup()
	if err != nil {
		a.term.say("%v. Make one later: jm wallet backup", err)
	}
	if len(older) > 0 {
		a.term.say("The older backups in %s keep the old password (%d). Delete them if somebody may know it.", filepath.Dir(older[0].Path), len(older))
	}
	if a.json {
		return a.print(map[string]any{"file": path, "backup": made.Path, "older_backups": len(older)})
	}
	fmt.Fprintf(a.term.out, "%s has the new password\n", path)
	return nil
}

// unsure tells that a change of a file may be there although it failed.
func unsure(err error) error {
	if errors.Is(err, durable.ErrUnsure) {
		err = fmt.Errorf("%w\nThe change may be in force all the same", err)
	}
	return withCode(exitWallet, err)
}
