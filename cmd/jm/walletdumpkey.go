package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

func newWalletDumpKey(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "dump-key [WALLET] PATH|ADDRESS",
		Aliases: []string{"dumpprivkey"},
		Short:   "Show the private key of an address",
		Long: `Show the private key of an address, in the form that other wallets take (WIF).

PATH is one such as jm wallet display shows: m/84'/0'/0'/0/3, imported/0/1, or
that of a fidelity bond with its locktime, m/84'/0'/0'/2/66:1751328000.

Whoever has the key has the coins of the address, and later ones too. It goes to
standard output only, after you agreed on the terminal, or by --yes.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			return a.dumpKey(one(args[:len(args)-1]), args[len(args)-1], yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "show it without asking")
	return cmd
}

func (a *app) dumpKey(name, what string, yes bool) error {
	w, err := a.openWallet(name, nil)
	if err != nil {
		return err
	}
	defer w.Close()
	if w.WatchOnly() {
		return withCode(exitWallet, keys.ErrWatchOnly)
	}
	path, err := keyPath(w, what)
	if err != nil {
		return err
	}
	if !yes {
		if yes, err = a.term.confirm("Whoever sees the key can take the coins. Is nobody looking?"); err != nil {
			return needYes(err)
		}
		if !yes {
			return &coded{exitDeclined, fmt.Errorf("declined; nothing was shown")}
		}
	}
	var wif secret.Text
	err = w.WithKeys(func(t *keys.Tree) error { wif, err = t.WIF(path); return err })
	if err != nil {
		return withCode(exitWallet, err)
	}
	defer wif.Wipe()
	if a.json {
		return a.print(map[string]string{"path": w.PathText(path), "wif": wif.Reveal()})
	}
	fmt.Fprintln(a.term.out, wif.Reveal())
	return nil
}
