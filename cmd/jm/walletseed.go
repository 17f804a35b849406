package main

import (
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/jmdat"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newWalletSeed(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "seed [WALLET]",
		Aliases: []string{"showseed"},
		Short:   "Show the words that restore a wallet",
		Args:    cobra.MaximumNArgs(1),
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
			a.term.say("Note the fingerprint %s and the type %s with them.", w.Fingerprint(), w.Type())
			if seed, err := w.Seed(); err == nil && !seed.Extension().Empty() {
				a.term.say("An extension belongs to these words; it is not shown.")
			}
			return nil
		},
	}
}

// phraseOf returns the words of a wallet in the list that other programs take
// them from: legacy wallets are older than BIP39.
func phraseOf(w *wallet.Wallet) (secret.Text, error) {
	seed, err := w.Seed()
	if err != nil {
		return secret.Text{}, err
	}
	if w.Type() == txbuild.P2PKH {
		return jmdat.LegacyPhrase(seed.Entropy())
	}
	return seed.Phrase()
}
