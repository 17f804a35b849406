package main

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

func newPodle(a *app) *cobra.Command {
	cmd := group("podle", "Commitments to coins of other wallets (PoDLE)")
	cmd.Long = `A taker has to commit to a coin of its own before makers answer, so that it cannot
ask for their coins again and again for nothing. Each coin is good for three
attempts. When the coins of the mixdepth are used up, or too young or too small,
those of another wallet will do: it makes openings of commitments, which let
nobody spend anything, and sendpayment and tumbler use them last of all.

A maker that is shown such an opening learns that the coin and the CoinJoin have
one owner. Use coins that are known to be yours anyway, or never will be.`
	cmd.Example = `  jm podle generate savings > openings.txt
  jm podle add openings.txt
  jm podle list`
	cmd.AddCommand(newPodleAdd(a), newPodleGenerate(a), newPodleList(a), newPodleRemove(a))
	return cmd
}

// outsideCoin is a coin in the document of `jm podle list --json`.
type outsideCoin struct {
	Coin string `json:"coin"`
	Left int    `json:"left"`
}

func newPodleList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the coins of other wallets that can be committed to",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.load(); err != nil {
				return err
			}
			store, err := a.openCommitments()
			if err != nil {
				return err
			}
			list, err := store.Outside()
			if err != nil {
				return err
			}
			if a.json {
				entries := []outsideCoin{}
				for _, o := range list {
					entries = append(entries, outsideCoin{o.Coin.String(), o.Left})
				}
				return a.print(entries)
			}
			for _, o := range list {
				fmt.Fprintf(a.term.out, "%s  %d left\n", o.Coin, o.Left)
			}
			if len(list) == 0 {
				a.term.say("There are none. Coins of the paying mixdepth need none: they are tried first.")
			}
			return nil
		},
	}
}

func newPodleRemove(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "remove TXID:VOUT... | --all",
		Aliases: []string{"delete"},
		Short:   "Remove openings of commitments to coins of other wallets",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if all == (len(args) > 0) {
				return usagef("say which coins (jm podle list), or --all")
			}
			outs := make([]wire.OutPoint, len(args))
			for i, arg := range args {
				var err error
				if outs[i], err = coins.ParseOutPoint(arg); err != nil {
					return usagef("%w", err)
				}
			}
			store, err := a.openCommitments()
			if err != nil {
				return err
			}
			n, err := store.RemoveOutside(outs...)
			if err != nil {
				return err
			}
			a.term.say("Removed the openings of %d coins.", n)
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove all")
	return cmd
}
