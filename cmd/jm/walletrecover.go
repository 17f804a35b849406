package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/jmdat"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wordlist"
)

func newWalletRecover(a *app) *cobra.Command {
	var (
		flags    newFlags
		phrase   secretSource
		birthday string
		yes      bool
	)
	cmd := &cobra.Command{
		Use:   "recover [WALLET]",
		Short: "Restore a wallet from its words",
		Long: `Restore a wallet from its 12, 15, 18, 21 or 24 words, of this program, of
JoinMarket 0.9 or of joinmarket-ng. The words do not tell the type of the wallet:
with --type p2sh-p2wpkh it has nested addresses (3...), with --type p2pkh it is
one of the oldest, whose 12 words are from another list.

First it shows which wallet the words give, by fingerprint and first address.
Nothing is made until you agree, by --yes or on a terminal. Compare them: another
extension or type gives another wallet, which is empty. The address that was
shown counts as handed out.

The first start with a node looks through the chain for the wallet's past. With
--birthday it begins there, which saves hours. How many mixdepths the wallet had
the words do not tell either: with too few, coins are missed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			kind, err := flags.check()
			if err != nil {
				return err
			}
			birth, err := parseBirthday(birthday)
			if err != nil {
				return err
			}
			name := nameOr(args, "default")
			if err := a.free(name); err != nil {
				return err
			}
			words, err := a.readWords(phrase)
			if err != nil {
				return err
			}
			defer words.Wipe()
			extension, err := a.extension(&flags)
			if err != nil {
				return err
			}
			seed, err := a.parseWords(words, extension, kind, birth)
			if err != nil {
				return err
			}
			defer seed.Wipe()
			return a.restoreSeed(name, seed, kind, flags.mixdepths, yes)
		},
	}
	flags.add(cmd.Flags())
	cmd.Flags().StringVar(&phrase.file, "phrase-file", "", "read the words from a `file`")
	cmd.Flags().IntVar(&phrase.fd, "phrase-fd", -1, "read the words from a file `descriptor`")
	cmd.Flags().StringVar(&birthday, "birthday", "", "a `date` (YYYY-MM-DD) before which the wallet was not used")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "make the wallet without asking")
	return cmd
}

// parseBirthday reads a date; empty: unknown.
func parseBirthday(text string) (birth time.Time, err error) {
	if text == "" {
		return birth, nil
	}
	if birth, err = time.Parse(time.DateOnly, text); err != nil {
		return birth, usagef("--birthday %q: want a date such as 2023-04-05", text)
	}
	return birth, nil
}

func (a *app) readWords(source secretSource) (secret.Text, error) {
	words, named, err := source.read(a.term)
	if !named && err == nil {
		if words, err = a.term.askSecret("The words, separated by blanks (not shown): "); errors.Is(err, errNoTerminal) {
			err = usagef("%w; name a source with --phrase-file or --phrase-fd", err)
		}
	}
	return words, err
}

// parseWords makes a seed of the words of a wallet of some type, or explains
// what is wrong with them.
func (a *app) parseWords(words, extension secret.Text, kind txbuild.ScriptType, birth time.Time) (keys.Seed, error) {
	modern := func() (keys.Seed, error) { return keys.ParsePhrase(words, extension, birth) }
	legacy := func() (keys.Seed, error) {
		entropy, err := jmdat.ParseLegacyPhrase(words)
		if err != nil {
			return keys.Seed{}, err
		}
		return keys.SeedOf(entropy, extension, birth)
	}
	parse, other, hint := modern, legacy, "these are the words of an old wallet: add --type "+string(txbuild.P2PKH)
	if kind == txbuild.P2PKH {
		parse, other, hint = legacy, modern, "these are the words of a newer wallet: leave out --type "+string(txbuild.P2PKH)
	}
	seed, err := parse()
	if err == nil {
		return seed, nil
	}
	if wrong, errOther := other(); errOther == nil {
		wrong.Wipe()
		return keys.Seed{}, usagef("%w\nBut %s", err, hint)
	}
	// What was meant is part of the secret: only a person may see it.
	if unknown := new(wordlist.UnknownError); errors.As(err, &unknown) && a.term.canAsk && len(unknown.Near()) > 0 {
		a.term.say("Instead of word %d, did you mean %s?", unknown.Position, strings.Join(unknown.Near(), " or "))
	}
	return keys.Seed{}, withCode(exitUsage, err)
}

// restoreSeed makes a wallet of a seed with a past, after showing which one it is.
//
// No address may be seen before the wallet remembers that it went out. The first
// one is seen here before there is a wallet; so the wallet is made with that
// index behind it, in its very first state on the disk, and hands out the second.
func (a *app) restoreSeed(name string, seed keys.Seed, kind txbuild.ScriptType, mixdepths int, yes bool) error {
	params, err := a.params()
	if err != nil {
		return err
	}
	origin := wallet.Origin{Seed: seed, Type: kind, Next: make([][2]uint32, mixdepths)}
	origin.Next[0][keys.External] = 1
	if err := origin.Check(params); err != nil {
		return withCode(exitUsage, err)
	}
	found, err := wallet.Identify(seed, kind, params)
	if err != nil {
		return withCode(exitUsage, err)
	}
	if !yes {
		a.term.say("This is the wallet:\n\n%s\nCompare it with what you noted, or with what the old program shows.",
			rows("id", found.ID, "fingerprint", found.Fingerprint, "type", string(kind), "first address", found.First))
		if yes, err = a.term.confirm("Is it the one?"); err != nil {
			return needYes(err)
		}
		if !yes {
			return &coded{exitDeclined, errors.New("declined; no wallet was made")}
		}
	}
	_, err = a.makeWallet(name, func(path string, password secret.Text, cfg wallet.Config) error {
		return wallet.Restore(path, password, origin, cfg)
	})
	if err != nil {
		return fmt.Errorf("recovering: %w", err)
	}
	return a.printResult(newWalletResult{
		Wallet: name, ID: found.ID, Fingerprint: found.Fingerprint, FirstAddress: found.First, Type: string(kind),
	})
}
