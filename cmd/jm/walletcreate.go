package main

import (
	"github.com/spf13/cobra"

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
				a.term.say("\nThese words restore the wallet. Write them down now:\n\n    %s\n", phrase.Reveal())
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
