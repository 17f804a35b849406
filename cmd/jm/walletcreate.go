package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newWalletCreate(a *app) *cobra.Command {
	var flags newFlags
	cmd := &cobra.Command{
		Use:     "create [WALLET]",
		Aliases: []string{"generate"},
		Short:   "Make a new wallet",
		Long: `Make a new wallet and show the twelve words that restore it. Write them down
and keep them where nobody finds them: they are the money. Note the fingerprint
with them, by which you can tell whether they were copied well.

Without a terminal the words are not shown; ask for them with jm wallet seed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			kind, err := flags.check()
			if err != nil {
				return err
			}
			name := nameOr(args, "default")
			if err := a.free(name); err != nil {
				return err
			}
			extension, err := a.extension(&flags)
			if err != nil {
				return err
			}
			seed, err := keys.NewSeed(extension)
			if err != nil {
				return withCode(exitUsage, err)
			}
			w, err := a.createWallet(name, seed, kind, flags.mixdepths)
			if err != nil {
				return err
			}
			defer w.Close()
			if a.term.canAsk {
				phrase, err := phraseOf(w)
				if err != nil {
					return err
				}
				defer phrase.Wipe()
				a.term.say("\nThese words restore the wallet. Write them down now:\n\n    %s\n", phrase.Reveal())
				if err := a.checkWritten(strings.Fields(phrase.Reveal()), name); err != nil {
					return err
				}
			} else {
				a.term.say("Now write down the words that restore it: jm wallet seed %s", name)
			}
			if kind != txbuild.P2WPKH {
				a.term.say("Wallets of type %s cannot take part in CoinJoins. To recover this one, name its type again.", kind)
			}
			return a.printNewWallet(w, name, "")
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

// nameOr is the only argument, or a name in its place.
func nameOr(args []string, name string) string {
	if len(args) > 0 {
		return args[0]
	}
	return name
}

// checkedWords is how many of the words a user is asked for.
const checkedWords = 3

// checkWritten asks for some of the words, so that a slip of the pen is found
// while the wallet is empty. Who answers nothing puts it off.
func (a *app) checkWritten(words []string, name string) error {
	places := make([]int, len(words))
	for i := range places {
		places[i] = i
	}
	random.Shuffle(places)
	for _, at := range places[:min(checkedWords, len(places))] {
		for {
			answer, err := a.term.ask(fmt.Sprintf("Word %d of %d, from what you wrote (nothing: not now): ", at+1, len(words)))
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if answer == "" {
				a.term.say("Not checked. Before you receive money, compare with: jm wallet seed %s", name)
				return nil
			}
			if strings.EqualFold(answer, words[at]) {
				break
			}
			a.term.say("That is not word %d. Look again, and put right what you wrote.", at+1)
		}
	}
	a.term.say("These are right. Keep them where nobody else finds them.")
	return nil
}
