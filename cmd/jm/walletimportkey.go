package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

func newWalletImportKey(a *app) *cobra.Command {
	var (
		mixdepth int
		source   = secretSource{most: maxKeys}
	)
	cmd := &cobra.Command{
		Use:     "import-key [WALLET] -m MIXDEPTH",
		Aliases: []string{"importprivkey"},
		Short:   "Take private keys from elsewhere into a wallet",
		Long: `Take private keys from elsewhere (WIF) into a mixdepth of a wallet. They are typed,
or come from a file, separated by blanks, lines or commas. Keys that cannot be
used are named by their place; the others are taken all the same.

THE WORDS OF THE WALLET DO NOT RESTORE THESE KEYS. Only the wallet file and its
backups have them, and whoever gave you a key can spend its coins as well: better
send the coins on to an address of the wallet. All coins of a mixdepth count as
of one owner, so import into an empty one what must not be seen together.

The next command that asks the node looks through the whole chain for the coins.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			return a.importKeys(one(args), mixdepth, source)
		},
	}
	cmd.Flags().IntVarP(&mixdepth, "mixdepth", "m", 0, "the `mixdepth` that the coins belong to")
	cmd.Flags().StringVar(&source.file, "key-file", "", "read the keys from a `file`")
	cmd.Flags().IntVar(&source.fd, "key-fd", -1, "read the keys from a file `descriptor`")
	cmd.MarkFlagsMutuallyExclusive("key-file", "key-fd")
	if err := cmd.MarkFlagRequired("mixdepth"); err != nil {
		panic(err) // the flag stands above
	}
	return cmd
}

// maxKeys bounds a list of keys in bytes: some ten thousand of them.
const maxKeys = 1 << 20

func (a *app) importKeys(name string, mixdepth int, source secretSource) error {
	w, err := a.openWallet(name, nil)
	if err != nil {
		return err
	}
	defer w.Close()
	if w.WatchOnly() {
		return withCode(exitWallet, keys.ErrWatchOnly)
	}
	if mixdepth < 0 || mixdepth >= w.Mixdepths() {
		return usagef("--mixdepth %d: this wallet has the mixdepths 0 to %d", mixdepth, w.Mixdepths()-1)
	}
	list, named, err := source.read(a.term)
	if !named && err == nil {
		a.term.say("The words of the wallet do not restore imported keys: keep its backups.")
		if list, err = a.term.askSecret("Private keys, separated by blanks or commas (not shown): "); errors.Is(err, errNoTerminal) {
			err = usagef("%w; name a source with --key-file or --key-fd", err)
		}
	}
	if err != nil {
		return err
	}
	defer list.Wipe()
	wifs := splitKeys(list)
	if len(wifs) == 0 {
		return usagef("there is no key")
	}
	done, err := w.ImportKeys(mixdepth, wifs...)
	if err != nil {
		return withCode(exitWallet, err)
	}
	return a.printImportedKeys(w, done)
}

// splitKeys cuts a list of keys into pieces of its own memory.
func splitKeys(list secret.Text) (wifs []secret.Text) {
	separates := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	for _, wif := range strings.FieldsFunc(list.Reveal(), separates) {
		wifs = append(wifs, secret.NewText(wif))
	}
	return wifs
}

// importedKey is a key in the document of `jm wallet import-key --json`.
type importedKey struct {
	Key     int    `json:"key"` // its place in the list, from 1
	Address string `json:"address,omitempty"`
	Path    string `json:"path,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (a *app) printImportedKeys(w *wallet.Wallet, done []wallet.Imported) error {
	entries := []importedKey{}
	failed := 0
	for i, d := range done {
		e := importedKey{Key: i + 1}
		if d.Err != nil {
			failed++
			e.Error = d.Err.Error()
			a.term.say("Key %d was not taken: %v", i+1, d.Err)
		} else {
			e.Address, e.Path = d.Address.Text, w.PathText(d.Address.Path)
		}
		entries = append(entries, e)
	}
	if a.json {
		if err := a.print(map[string][]importedKey{"keys": entries}); err != nil {
			return err
		}
	} else {
		for _, e := range entries {
			if e.Error == "" {
				fmt.Fprintf(a.term.out, "%s  %s\n", e.Address, e.Path)
			}
		}
	}
	if failed > 0 {
		return withCode(exitWallet, fmt.Errorf("%d of %d keys were not taken", failed, len(done)))
	}
	return nil
}
