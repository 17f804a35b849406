package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newBondSpend(a *app) *cobra.Command {
	var (
		o    feeFlags
		into int
		p    = spend.Payment{Mixdepth: spend.OfCoins, Sweep: true, Release: true}
		yes  bool
	)
	cmd := &cobra.Command{
		Use:   "spend [WALLET] OUTPOINT (ADDRESS | --to-mixdepth N)",
		Short: "Spend a fidelity bond whose time has come",
		Long: `Spend a fidelity bond whose time has come, whole and alone: to an address, or to a
new address of your own in a mixdepth. You see the exact fee, and are asked.

Its time has come when the median time of the last eleven blocks is past the
lock, about an hour late. A bond that is frozen because it is one need not be
unfrozen before; a bond that you froze yourself must.`,
		Example: `  jm wallet bond spend 4a5e...:0 --to-mixdepth 3
  jm wallet bond spend savings 4a5e...:0 bc1q... --feerate 2.5`,
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			p.Keep = cmd.Flags().Changed("to-mixdepth")
			p.Into = into
			if !p.Keep {
				last := len(args) - 1
				if last < 1 {
					return usagef("where to? Name an address after the bond, or a mixdepth of yours with --to-mixdepth")
				}
				to, err := a.receiver(args[last])
				if err != nil {
					return err
				}
				p.Outputs, args = []txbuild.Output{{Script: to.script}}, args[:last]
			}
			if len(args) > 2 {
				return usagef("give an address or --to-mixdepth, not both")
			}
			last := len(args) - 1
			out, err := coins.ParseOutPoint(args[last])
			if err != nil {
				return usagef("%.80q: %w; jm wallet bond list shows the bonds", args[last], err)
			}
			p.Coins = []wire.OutPoint{out}
			fee, err := o.policy(a)
			if err != nil {
				return err
			}
			return a.spendBond(cmd.Context(), one(args[:last]), p, fee, yes)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().IntVar(&into, "to-mixdepth", 0, "keep it: send it to a new address of this `mixdepth`")
	cmd.Flags().BoolVar(&p.NoRBF, "no-rbf", false, "do not let the transaction be replaced by one with a higher fee")
	cmd.Flags().BoolVar(&yes, "yes", false, "agree beforehand")
	return cmd
}

// spendBond makes the payment of one bond.
func (a *app) spendBond(ctx context.Context, name string, p spend.Payment, fee feerate.Policy, yes bool) error {
	w, done, err := a.openSynced(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	if p.Keep && (p.Into < 0 || p.Into >= w.Mixdepths()) {
		return usagef("--to-mixdepth %d: this wallet has the mixdepths 0 to %d", p.Into, w.Mixdepths()-1)
	}
	b, err := findBond(w, p.Coins[0])
	if err != nil {
		return err
	}
	if tip, _ := w.Synced(); !b.Expired {
		return withCode(exitFunds, fmt.Errorf("%v: %w", b.OutPoint, wallet.CheckLock(b.Coin, tip.MedianTime)))
	}
	if w.WatchOnly() {
		return withCode(exitWallet, errors.New("this wallet has no keys; unfreeze the bond (jm wallet unfreeze), and make a transaction for the wallet that has: jm wallet psbt create --coin"))
	}
	balances, err := w.Balances()
	if err != nil {
		return err
	}
	a.term.waiting("asking for a fee rate")
	r, err := spend.Pay(ctx, a.spending(w, fee), p, func(q spend.Quote) error {
		text := fmt.Sprintf("\n  spend the fidelity bond that ended %s UTC\n", unixUTC(b.Locktime).Format(bondTime))
		return a.agree(text+spendQuote(w, q)+bondSpendNotes(p, balances), "Send it?", yes)
	})
	return a.sent(w, r, err)
}

// bondSpendNotes say what everybody learns from where a bond goes (attack P6).
func bondSpendNotes(p spend.Payment, balances []wallet.Balance) string {
	note := "    NOTE: everybody can see that this money comes from the bond, and the market knows its maker."
	if !p.Keep {
		return note + "\n    Whoever gets it, or knows the address as yours, can tie you to all that this maker did.\n"
	}
	note += fmt.Sprintf("\n    It goes to a new address of mixdepth %d. Send it through a CoinJoin before it meets other coins", p.Into)
	if balances[p.Into].Total() == 0 {
		return note + ".\n"
	}
	var empty []string
	for _, b := range balances {
		if b.Total() == 0 {
			empty = append(empty, fmt.Sprint(b.Mixdepth))
		}
	}
	note += ":\n    this mixdepth has some, which a later payment may join with it"
	if len(empty) > 0 {
		note += "; empty: " + strings.Join(empty, " ")
	}
	return note + ".\n"
}
