package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newWallet(a *app) *cobra.Command {
	cmd := group("wallet", "Make, restore, look into and spend from wallets")
	cmd.Long = `Make, restore, look into and spend from wallets.

A wallet keeps its coins in five mixdepths, jars that are never mixed unasked:
deposits go in at one, each CoinJoin moves the amount on to the next.

WALLET is a name in the data folder's wallets/, or a path. It may be left out
while there is only one.`
	addGroup(cmd, "Wallets:",
		newWalletCreate(a),
		newWalletRecover(a),
		newWalletCreateWatchOnly(a),
		newWalletMigrate(a),
		newWalletList(a),
		newWalletBackup(a),
		newWalletRestoreBackup(a),
		newWalletExport(a),
		newWalletChangePassword(a),
		newWalletDelete(a),
	)
	addGroup(cmd, "Look and receive:",
		newWalletAddress(a),
		newWalletShow(a),
		newWalletDisplay(a),
		newWalletHistory(a),
		newWalletShowUTXOs(a),
	)
	addGroup(cmd, "Coins and labels:",
		newWalletFreeze(a),
		newWalletUnfreeze(a),
		newWalletLabel(a),
		newWalletLabels(a),
	)
	addGroup(cmd, "Spend:",
		newWalletSend(a),
		newWalletBumpFee(a),
		newWalletPending(a),
		newWalletPSBT(a),
		newWalletBond(a), newGetTimelockAddress(a),
	)
	addGroup(cmd, "Keys:",
		newWalletSeed(a),
		newWalletDumpKey(a),
		newWalletImportKey(a),
		newWalletSignMessage(a),
		newWalletVerifyMessage(a),
	)
	return cmd
}

func newWalletList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Name the wallets in the data folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			names, err := a.walletNames()
			if err != nil {
				return err
			}
			old, err := a.oldWallets()
			if err != nil {
				return err
			}
			if a.json {
				return a.print(map[string][]string{"wallets": names, "old": old})
			}
			if len(names)+len(old) == 0 {
				a.term.say("No wallet yet. Make one: jm wallet create")
			}
			for _, name := range names {
				fmt.Fprintln(a.term.out, name)
			}
			for _, name := range old {
				fmt.Fprintf(a.term.out, "%s  (old format; jm wallet migrate %s)\n", name, name)
			}
			return nil
		},
	}
}

const walletExt = ".jmwallet"

// walletNames lists the wallets of the data folder, without the ending.
func (a *app) walletNames() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(a.cfg.Dir, "wallets"))
	if err != nil {
		return nil, withCode(exitWallet, fmt.Errorf("looking for wallets: %w", err))
	}
	names := []string{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), walletExt); ok && !e.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}

// one is the only argument, or nothing.
func one(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// walletPath finds the file behind what the user wrote; for an empty name, the
// only wallet there is.
func (a *app) walletPath(name string) (string, error) {
	if name == "" {
		names, err := a.walletNames()
		if err != nil {
			return "", err
		}
		switch len(names) {
		case 0:
			return "", withCode(exitWallet, errors.New("there is no wallet yet; make one with: jm wallet create (jm wallet list names old ones too)"))
		case 1:
			name = names[0]
		default:
			return "", usagef("which wallet? There are %s", strings.Join(names, ", "))
		}
	}
	path := a.walletFile(name)
	return path, a.adviseMigration(name, path)
}

// walletFile is where a wallet of that name is, or is to be made.
func (a *app) walletFile(name string) string {
	if strings.ContainsRune(name, filepath.Separator) || strings.Contains(name, "/") {
		return name
	}
	return filepath.Join(a.cfg.Dir, "wallets", strings.TrimSuffix(name, walletExt)+walletExt)
}
