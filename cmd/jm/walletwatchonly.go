package main

import (
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newWalletCreateWatchOnly(a *app) *cobra.Command {
	var (
		birthday string
		yes      bool
	)
	cmd := &cobra.Command{
		Use:     "create-watchonly [WALLET] KEY",
		Aliases: []string{"createwatchonly"},
		Short:   "Make a wallet that shows coins and cannot spend them",
		Long: `Make a wallet that shows the coins of mixdepth 0 of another one, and its fidelity
bonds, and cannot spend them. The keys can then stay on a machine without network.

KEY is public: the text that begins with fbonds-mpk-, as jm wallet display (or
JoinMarket) shows it for mixdepth 0. Whoever has it sees all addresses.

Do not hand out addresses from both wallets: each would give away what the other
has given away, until the chain shows a payment.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			birth, err := parseBirthday(birthday)
			if err != nil {
				return err
			}
			name := nameOr(args[:len(args)-1], "watchonly")
			if err := a.free(name); err != nil {
				return err
			}
			seed, err := keys.ParseMaster(args[len(args)-1], birth)
			if err != nil {
				return withCode(exitUsage, err)
			}
			return a.restoreSeed(name, seed, txbuild.P2WPKH, 1, yes)
		},
	}
	cmd.Flags().StringVar(&birthday, "birthday", "", "a `date` (YYYY-MM-DD) before which the wallet was not used")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "make the wallet without asking")
	return cmd
}
