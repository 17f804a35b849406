package main

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

func newWalletFreeze(a *app) *cobra.Command {
	return a.freezing("freeze", "Keep coins from being spent",
		`Keep coins from being spent, until jm wallet unfreeze. A frozen coin is in no
payment, no sweep and no CoinJoin, and nothing is signed for it.

OUTPOINT is txid:vout, as jm wallet showutxos names coins; with --mixdepth all
coins of the mixdepth are frozen. Coins that come to an address which was paid
before are frozen by themselves (max_sats_freeze_reuse in joinmarket.cfg).`,
		true, func(w *wallet.Wallet, outs []wire.OutPoint) error { return w.Freeze(coins.ByUser, outs...) })
}

func newWalletUnfreeze(a *app) *cobra.Command {
	return a.freezing("unfreeze", "Let frozen coins be spent again",
		`Let frozen coins be spent again. They are not frozen by themselves once more.

Think before you unfreeze what came to a used address ("reuse"): somebody may
have sent it to see which of your other coins you spend it with. Spend it alone.`,
		false, func(w *wallet.Wallet, outs []wire.OutPoint) error { return w.Thaw(outs...) })
}

// freezing is a command that makes coins frozen or not.
func (a *app) freezing(name, short, long string, frozen bool, do func(*wallet.Wallet, []wire.OutPoint) error) *cobra.Command {
	mixdepth := -1
	cmd := &cobra.Command{
		Use:   name + " [WALLET] OUTPOINT...",
		Short: short,
		Long:  long,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			walletName, outs, err := freezeArguments(args)
			if err != nil {
				return err
			}
			if (len(outs) == 0) == (mixdepth < 0) {
				return usagef("name the coins as txid:vout, or a mixdepth with --mixdepth")
			}
			w, done, err := a.openKnown(cmd.Context(), walletName, false)
			if err != nil {
				return err
			}
			defer done()
			if mixdepth >= 0 {
				if outs, err = ofMixdepth(w, mixdepth, !frozen); err != nil {
					return err
				}
			}
			if err := do(w, outs); err != nil {
				return withCode(exitWallet, err)
			}
			return a.printFrozen(outs, frozen)
		},
	}
	cmd.Flags().IntVarP(&mixdepth, "mixdepth", "m", -1, "all coins of this `mixdepth`")
	return cmd
}

// freezeArguments reads the arguments: a wallet that may be left out, then coins.
func freezeArguments(args []string) (name string, outs []wire.OutPoint, err error) {
	for i, arg := range args {
		out, err := coins.ParseOutPoint(arg)
		switch {
		case err == nil:
			outs = append(outs, out)
		case i == 0:
			name = arg
		default:
			return "", nil, usagef("%q: %w", arg, err)
		}
	}
	return name, outs, nil
}

// ofMixdepth returns the coins of a mixdepth that are frozen, or not. Bonds are
// left to be named one by one.
func ofMixdepth(w *wallet.Wallet, mixdepth int, frozen bool) (outs []wire.OutPoint, err error) {
	if mixdepth >= w.Mixdepths() {
		return nil, usagef("--mixdepth %d: this wallet has the mixdepths 0 to %d", mixdepth, w.Mixdepths()-1)
	}
	all, err := w.Coins()
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Mixdepth == mixdepth && c.Frozen == frozen && c.Locktime == 0 {
			outs = append(outs, c.OutPoint)
		}
	}
	return outs, nil
}

func (a *app) printFrozen(outs []wire.OutPoint, frozen bool) error {
	if a.json {
		names := []string{}
		for _, out := range outs {
			names = append(names, out.String())
		}
		return a.print(map[string]any{"coins": names, "frozen": frozen})
	}
	state := "spendable"
	if frozen {
		state = "frozen"
	}
	for _, out := range outs {
		fmt.Fprintf(a.term.out, "%v %s\n", out, state)
	}
	return nil
}
