package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// newFlags are what the commands that make a wallet of words have in common.
type newFlags struct {
	kind      string
	mixdepths int
	extend    bool
}

func (f *newFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.kind, "type", string(txbuild.P2WPKH), fmt.Sprintf("`type` of the addresses: %s, %s or %s; only the first takes part in CoinJoins", txbuild.P2WPKH, txbuild.P2SH, txbuild.P2PKH))
	flags.IntVar(&f.mixdepths, "mixdepths", keys.DefaultMixdepths, "the `number` of mixdepths that the wallet has")
	flags.BoolVar(&f.extend, "extension", false, "ask for the extension of the phrase (BIP39 passphrase, \"25th word\")")
}

// check returns the type, or what is wrong with the flags.
func (f *newFlags) check() (txbuild.ScriptType, error) {
	kind := txbuild.ScriptType(f.kind)
	if err := keys.CheckType(kind); err != nil {
		return "", usagef("--type %q: want %s, %s or %s", f.kind, txbuild.P2WPKH, txbuild.P2SH, txbuild.P2PKH)
	}
	if f.mixdepths < 1 || f.mixdepths > wallet.MaxMixdepths {
		return "", usagef("--mixdepths %d: want 1 to %d", f.mixdepths, wallet.MaxMixdepths)
	}
	if f.extend && kind == txbuild.P2PKH {
		return "", usagef("--extension: the words of %s wallets have none", kind)
	}
	return kind, nil
}

// extension asks for one if it is wanted.
func (a *app) extension(f *newFlags) (secret.Text, error) {
	if !f.extend {
		return secret.Text{}, nil
	}
	text, err := a.term.askTwice("Extension of the phrase (BIP39 passphrase): ", func(secret.Text) error { return nil })
	if errors.Is(err, errNoTerminal) {
		err = usagef("%w; an extension is typed by a person only", err)
	}
	return text, err
}

// minPassword is the least length in characters of a password that is chosen.
// Whoever has the file can try some ten guesses a second on each machine.
const minPassword = 8

// checkPassword refuses passwords that are guessed at once.
func checkPassword(password secret.Text) error {
	if utf8.RuneCount(password.RevealBytes()) < minPassword {
		return usagef("the password has fewer than %d characters, and could be guessed by whoever gets the file; take several words", minPassword)
	}
	return nil
}

// newPassword gets a password for a file. Its sources are those flags.
func (a *app) newPassword(source secretSource, question, flags string) (secret.Text, error) {
	password, named, err := source.read(a.term)
	if err != nil {
		return password, err
	}
	if named {
		return password, checkPassword(password)
	}
	password, err = a.term.askTwice(question, checkPassword)
	if errors.Is(err, errNoTerminal) {
		err = usagef("%w; name a source with %s", err, flags)
	}
	return password, err
}

// createWallet makes a wallet of a new seed under a new password, and opens it.
func (a *app) createWallet(name string, seed keys.Seed, kind txbuild.ScriptType, mixdepths int) (w *wallet.Wallet, err error) {
	_, err = a.makeWallet(name, func(path string, password secret.Text, cfg wallet.Config) error {
		cfg.Type, cfg.Mixdepths = kind, mixdepths
		w, err = wallet.Create(path, password, seed, cfg)
		return err
	})
	return w, err
}

// free returns an error if there is a wallet of that name.
func (a *app) free(name string) error {
	path := a.walletFile(name)
	if _, err := os.Lstat(path); err == nil {
		return withCode(exitWallet, fmt.Errorf("%s exists already; choose another name", path))
	}
	return nil
}

// makeWallet has a new wallet file made under a new password, and returns its
// path.
func (a *app) makeWallet(name string, create func(path string, password secret.Text, cfg wallet.Config) error) (string, error) {
	if err := a.free(name); err != nil {
		return "", err
	}
	params, err := a.params()
	if err != nil {
		return "", err
	}
	password, err := a.newPassword(a.password, "Password for the new wallet file: ", "--password-file, --password-fd or --wallet-password-stdin")
	if err != nil {
		return "", err
	}
	defer password.Wipe()
	a.term.waiting("making a key of the password")
	path := a.walletFile(name)
	err = create(path, password, wallet.Config{Params: params, Logger: a.log, KDF: a.kdf, Files: a.files})
	a.term.waiting("")
	return path, withCode(exitWallet, err)
}

// newWalletResult is what a command prints that made a wallet: the document of
// --json.
type newWalletResult struct {
	Wallet       string `json:"wallet"`
	ID           string `json:"id"`
	Fingerprint  string `json:"fingerprint,omitempty"`
	FirstAddress string `json:"first_address,omitempty"` // if it was shown to compare
	Type         string `json:"type"`
	File         string `json:"file"`
	Network      string `json:"network"`
}

// printNewWallet tells what was made. first is the first address if it counts as
// handed out, and empty otherwise.
func (a *app) printNewWallet(w *wallet.Wallet, name, first string) error {
	id, err := w.ID()
	if err != nil {
		return err
	}
	return a.printResult(newWalletResult{
		Wallet: name, ID: id, Fingerprint: w.Fingerprint(), FirstAddress: first, Type: string(w.Type()),
	})
}

func (a *app) printResult(r newWalletResult) error {
	r.File, r.Network = a.walletFile(r.Wallet), a.cfg.Blockchain.Network
	if a.json {
		return a.print(r)
	}
	fmt.Fprint(a.term.out, rows("wallet", r.Wallet, "id", r.ID, "fingerprint", r.Fingerprint, "first address", r.FirstAddress, "file", r.File))
	return nil
}

// rows writes names with values below each other, without the empty ones.
func rows(namesAndValues ...string) string {
	var b strings.Builder
	for i := 0; i < len(namesAndValues); i += 2 {
		if value := namesAndValues[i+1]; value != "" {
			fmt.Fprintf(&b, "%-14s %s\n", namesAndValues[i], value)
		}
	}
	return b.String()
}
