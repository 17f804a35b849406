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
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
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
		newWalletMigrate(a),
		newWalletList(a),
		newWalletBackup(a),
		newWalletRestoreBackup(a),
		newWalletExport(a),
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
	)
	return cmd
}

func newWalletCreate(a *app) *cobra.Command {
	var extend bool
	cmd := &cobra.Command{
		Use:   "create [WALLET]",
		Short: "Make a new wallet",
		Long: `Make a new wallet and show the twelve words that restore it. Write them down
and keep them where nobody finds them: they are the money.

Without a terminal the words are not shown; ask for them with jm wallet seed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			var extension secret.Text
			if extend {
				var err error
				if extension, err = a.askTwice("Extension of the phrase (BIP39 passphrase): "); err != nil {
					return err
				}
			}
			seed, err := keys.NewSeed(extension)
			if err != nil {
				return err
			}
			w, name, err := a.createWallet(args, seed, 0)
			if err != nil {
				return err
			}
			defer w.Close()
			if a.term.canAsk {
				phrase, err := seed.Phrase()
				if err != nil {
					return err
				}
				a.term.say("\nThese words restore the wallet. Write them down now:\n\n    %s\n", phrase.Reveal())
			} else {
				a.term.say("Now write down the words that restore it: jm wallet seed %s", name)
			}
			return a.printNewWallet(w, name)
		},
	}
	cmd.Flags().BoolVar(&extend, "extension", false, "ask for an extension of the phrase (BIP39 passphrase, \"25th word\")")
	return cmd
}

func newWalletRecover(a *app) *cobra.Command {
	var (
		phrase   secretSource
		extend   bool
		birthday string
	)
	cmd := &cobra.Command{
		Use:   "recover [WALLET]",
		Short: "Restore a wallet from its words",
		Long: `Restore a wallet from its 12, 15, 18, 21 or 24 words, of this program, of
JoinMarket 0.9 (native segwit wallets) or of joinmarket-ng.

The first start with a node looks through the chain for the wallet's past. With
--birthday it begins there, which saves hours.`,
		Args: cobra.MaximumNArgs(1),
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
			words, named, err := phrase.read(a.term)
			if !named && err == nil {
				if words, err = a.term.askSecret("The words, separated by blanks (not shown): "); errors.Is(err, errNoTerminal) {
					err = usagef("%w; name a source with --phrase-file or --phrase-fd", err)
				}
			}
			if err != nil {
				return err
			}
			var extension secret.Text
			if extend {
				if extension, err = a.askTwice("Extension of the phrase (BIP39 passphrase): "); err != nil {
					return err
				}
			}
			seed, err := keys.ParsePhrase(words, extension, birth)
			if err != nil {
				return withCode(exitUsage, err)
			}
			w, name, err := a.createWallet(args, seed, wallet.DefaultRecoveryGap)
			if err != nil {
				return err
			}
			defer w.Close()
			return a.printNewWallet(w, name)
		},
	}
	cmd.Flags().StringVar(&phrase.file, "phrase-file", "", "read the words from a `file`")
	cmd.Flags().IntVar(&phrase.fd, "phrase-fd", -1, "read the words from a file `descriptor`")
	cmd.Flags().BoolVar(&extend, "extension", false, "ask for the extension of the phrase (BIP39 passphrase)")
	cmd.Flags().StringVar(&birthday, "birthday", "", "a `date` (YYYY-MM-DD) before which the wallet was not used")
	return cmd
}

func newWalletSeed(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "seed [WALLET]",
		Short: "Show the words that restore a wallet",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			yes, err := a.term.confirm("Whoever sees the words can take the coins. Is nobody looking?")
			if err != nil {
				return usagef("%w; the words are shown to a person only", err)
			}
			if !yes {
				return errDeclined
			}
			w, err := a.openWallet(one(args), nil)
			if err != nil {
				return err
			}
			defer w.Close()
			phrase, err := phraseOf(w)
			if err != nil {
				return withCode(exitWallet, err)
			}
			a.term.say("\n    %s\n", phrase.Reveal())
			if !w.Seed().Extension().Empty() {
				a.term.say("An extension belongs to these words; it is not shown.")
			}
			return nil
		},
	}
}

// phraseOf returns the words of a wallet in the list that other programs take
// them from: legacy wallets are older than BIP39.
func phraseOf(w *wallet.Wallet) (secret.Text, error) {
	if w.Type() == txbuild.P2PKH {
		return jmdat.LegacyPhrase(w.Seed().Entropy())
	}
	return w.Seed().Phrase()
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

// createWallet makes a wallet of a seed under a new password, and opens it.
// recoveryGap is 0 for a seed without a past.
func (a *app) createWallet(args []string, seed keys.Seed, recoveryGap int) (w *wallet.Wallet, name string, err error) {
	if name = one(args); name == "" {
		name = "default"
	}
	_, err = a.makeWallet(name, func(path string, password secret.Text, cfg wallet.Config) error {
		cfg.RecoveryGap = recoveryGap
		w, err = wallet.Create(path, password, seed, cfg)
		return err
	})
	return w, name, err
}

// makeWallet has a new wallet file made under a new password, and returns its
// path.
func (a *app) makeWallet(name string, create func(path string, password secret.Text, cfg wallet.Config) error) (string, error) {
	path := a.walletFile(name)
	if _, err := os.Lstat(path); err == nil {
		return "", withCode(exitWallet, fmt.Errorf("%s exists already; choose another name", path))
	}
	params, err := a.params()
	if err != nil {
		return "", err
	}
	password, named, err := a.password.read(a.term)
	if !named && err == nil {
		password, err = a.askTwice("Password for the new wallet file: ")
	}
	if err != nil {
		return "", err
	}
	a.term.waiting("making a key of the password")
	err = create(path, password, wallet.Config{Params: params, Logger: a.log, KDF: a.kdf, Files: a.files})
	a.term.waiting("")
	return path, withCode(exitWallet, err)
}

// askTwice asks for a new secret until two entries agree.
func (a *app) askTwice(question string) (secret.Text, error) {
	for {
		first, err := a.term.askSecret(question)
		if errors.Is(err, errNoTerminal) {
			return first, usagef("%w; name a source with --password-file, --password-fd or --wallet-password-stdin", err)
		}
		if err != nil {
			return first, err
		}
		second, err := a.term.askSecret("Again, to be sure: ")
		if err != nil {
			return first, err
		}
		if first.Reveal() == second.Reveal() && !first.Empty() {
			return first, nil
		}
		a.term.say("The two differ, or are empty. Once more.")
	}
}

func (a *app) printNewWallet(w *wallet.Wallet, name string) error {
	id, err := w.ID()
	if err != nil {
		return err
	}
	path, err := a.walletPath(name)
	if err != nil {
		return err
	}
	if a.json {
		return a.print(map[string]string{"wallet": name, "id": id, "file": path, "network": a.cfg.Blockchain.Network})
	}
	fmt.Fprintf(a.term.out, "wallet %s\nid     %s\nfile   %s\n", name, id, path)
	return nil
}
