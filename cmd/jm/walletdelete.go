package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/store"
)

func newWalletDelete(a *app) *cobra.Command {
	var typed string
	cmd := &cobra.Command{
		Use:   "delete WALLET",
		Short: "Move a wallet to the trash",
		Long: `Move a wallet to the trash: the folder trash/ beside it. Nothing is destroyed, and
nothing in the trash is ever overwritten; empty it by hand, if at all. Backups
stay where they are.

It asks whether you have the words, and for the name of the wallet; a script
gives the name once more with --name, and so says that the words are kept.

To have the wallet back: jm wallet restore-backup FILE-IN-THE-TRASH NAME`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			path, err := a.walletPath(args[0])
			if err != nil {
				return err
			}
			if _, err := os.Lstat(path); err != nil {
				return noWallet(path, err)
			}
			name := strings.TrimSuffix(filepath.Base(path), walletExt)
			if err := a.confirmDelete(name, typed, cmd.Flags().Changed("name")); err != nil {
				return err
			}
			folder, err := store.Trash(path, store.Config{Files: a.files})
			if err != nil {
				return unsure(err)
			}
			file := filepath.Join(folder, filepath.Base(path))
			a.term.say("To have it back: jm wallet restore-backup %s %s", file, name)
			if a.json {
				return a.print(map[string]string{"wallet": name, "trash": file})
			}
			fmt.Fprintln(a.term.out, file)
			return nil
		},
	}
	cmd.Flags().StringVar(&typed, "name", "", "the `name` of the wallet once more, instead of answering questions")
	return cmd
}

// confirmDelete has the name of a wallet repeated, by a flag or a person.
func (a *app) confirmDelete(name, typed string, flag bool) error {
	if !flag {
		words, err := a.term.confirm("Without its words a lost wallet is lost for ever, and imported keys are lost even with them.\nHave you written down the words of " + name + "? (jm wallet seed " + name + " shows them)")
		if errors.Is(err, errNoTerminal) {
			return usagef("%w; repeat the name of the wallet with --name", err)
		}
		if err != nil {
			return err
		}
		if !words {
			return &coded{exitDeclined, errors.New("nothing was deleted; write down the words first: jm wallet seed " + name)}
		}
		if typed, err = a.term.ask("Type the name of the wallet to delete it: "); err != nil {
			return err
		}
	}
	if typed != name {
		return &coded{exitDeclined, fmt.Errorf("%q is not the name %q; nothing was deleted", typed, name)}
	}
	return nil
}
