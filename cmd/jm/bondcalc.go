package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
)

func newBondValue(a *app, name string) *cobra.Command {
	o := prospectOptions{months: 12} // rates: zero, as configured
	cmd := &cobra.Command{
		Use:   name + " (AMOUNT | TXID:VOUT) [YYYY-MM]",
		Short: "Compute what a fidelity bond would be worth, and how it would stand in the market",
		Long: `Compute what a fidelity bond of an amount would be worth to takers if it were
confirmed now and locked until a month, or until each of the next months. For a
coin, such as a bond that exists, your node tells amount and time. The value is
written as in the reference: satoshis to the power of the exponent, divided by
10^16. It is no money; it is compared with that of other makers.

With --market, or --orderbook FILE, it is: the rank among their bonds; the best
hundredth that it would be in (top), as the reference computes it; the share in
a single draw of a maker; the chance to be among the makers of a CoinJoin. And
with --chance the amount that has such a chance.`,
		Example: `  jm bond calc 0.5 2030-01
  jm bond calc 50000000 --months 24
  jm bond calc 0.5 --market --chance 50
  jm orderbook --json > book.json; jm bond calc 4a5e...:0 2030-01 --orderbook book.json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if len(args) == 2 {
				o.month, o.months = args[1], 1
			}
			if err := a.ownRates(cmd.Flags(), &o.rates); err != nil {
				return err
			}
			list, err := a.prospects(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			return a.printProspects(list, o)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.months, "months", "m", o.months, "the `number` of months to show")
	f.Float64VarP(&o.rates.Interest, "interest", "i", 0, "`rate` of interest for a year, 0 to 1 (default: interest_rate)")
	f.Float64VarP(&o.rates.Exponent, "exponent", "e", 0, "`exponent`, up to 10 (default: bond_value_exponent)")
	f.BoolVar(&o.market, "market", false, "compare with the makers that answer now")
	f.StringVarP(&o.book, "orderbook", "o", "", "compare with the makers in a `file` of jm orderbook --json, or of the reference's order book page")
	f.IntVar(&o.chance, "chance", 0, "tell the amount that is chosen with so many `percent`, 1 to 99")
	cmd.MarkFlagsMutuallyExclusive("market", "orderbook")
	addMarketFlags(f, &o.wait, &o.wanted)
	return cmd
}

// prospectOptions are the flags of `jm bond calc`.
type prospectOptions struct {
	rates  bond.Rates
	month  string // empty: from the next one on
	months int
	market bool
	book   string // file
	chance int    // percent; 0: not asked for
	wait   time.Duration
	wanted int
}

// rivals finds the makers that the options name; nil for none.
func (a *app) rivals(ctx context.Context, o prospectOptions, own bookCoin) (*rivals, error) {
	bondless, err := bondlessAllowance(a.cfg.Policy)
	if err != nil {
		return nil, err
	}
	if o.chance < 0 || o.chance > 99 {
		return nil, usagef("--chance %d: want 1 to 99", o.chance)
	}
	var all []float64
	switch {
	case o.book != "":
		if o.wanted < 1 || o.wanted > protocol.MaxMakers {
			return nil, usagef("-N %d: want 1 to %d makers", o.wanted, protocol.MaxMakers)
		}
		all, err = readBook(o.book, own)
	case o.market:
		var view *marketView
		if view, err = a.lookAtMarket(ctx, o.wait, o.wanted); err == nil {
			all, err = view.others(own)
		}
	case o.chance > 0:
		return nil, usagef("--chance needs makers to compare with: add --market or --orderbook FILE")
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return newRivals(all, o.wanted, bondless), nil
}

// ownRates puts the configured rates in place of those that no flag set.
func (a *app) ownRates(flags *pflag.FlagSet, rates *bond.Rates) error {
	own, err := bondRates(a.cfg.Policy)
	if err != nil {
		return err
	}
	if !flags.Changed("interest") {
		rates.Interest = own.Interest
	}
	if !flags.Changed("exponent") {
		rates.Exponent = own.Exponent
	}
	if err := rates.Check(); err != nil {
		return usagef("%w", err)
	}
	return nil
}
