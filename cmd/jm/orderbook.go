package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

func newOrderbook(a *app) *cobra.Command {
	var (
		wait   time.Duration
		wanted int
	)
	cmd := &cobra.Command{
		Use:   "orderbook",
		Short: "Show what makers offer now, and what their fidelity bonds are worth",
		Long: `Ask all makers for their offers and show them, the cheapest of each type first;
then the makers, the one with the most valuable fidelity bond first, and how
likely takers are to choose each.

No wallet is needed. Your node checks the bonds; without one that answers they
are unverified, and worth nothing. A bond is valued by interest_rate and
bond_value_exponent, and its value written as in the reference: satoshis to the
power of the exponent, divided by 10^16.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			view, err := a.lookAtMarket(cmd.Context(), wait, wanted)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(view)
			}
			fmt.Fprint(a.term.out, bookText(view.OrderbookAnswer), view.standingsText())
			return nil
		},
	}
	addMarketFlags(cmd.Flags(), &wait, &wanted)
	return cmd
}

// addMarketFlags are those of commands that look at all makers.
func addMarketFlags(flags *pflag.FlagSet, wait *time.Duration, wanted *int) {
	flags.DurationVar(wait, "wait", 0, "how long to wait for offers at most (default: maker_timeout_sec)")
	flags.IntVarP(wanted, "makercount", "N", usualMakers, "tell the chances in a CoinJoin with so many `makers`")
}

// bookText lists offers by type and fee.
func bookText(book control.OrderbookAnswer) string {
	offers := slices.Clone(book.Offers)
	slices.SortStableFunc(offers, func(x, y control.OfferEntry) int {
		return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(price(x.Offer), price(y.Offer)), cmp.Compare(x.Nick, y.Nick))
	})
	var b strings.Builder
	if len(offers) == 0 {
		return "no offers\n"
	}
	fmt.Fprintf(&b, "%-16s  %3s  %-12s  %12s  %14s  %14s  %8s\n", "maker", "oid", "type", "fee", "min (BTC)", "max (BTC)", "txfee")
	makers := map[string]bool{}
	for _, o := range offers {
		makers[string(o.Nick)] = true
		fmt.Fprintf(&b, "%-16s  %3d  %-12s  %12s  %14s  %14s  %8d\n", o.Nick, o.ID, o.Type, o.CJFee, o.MinSize.BTC(), o.MaxSize.BTC(), int64(o.TxFee))
	}
	fmt.Fprintf(&b, "\n%d offers of %d makers. Fees: absolute ones in sat, relative ones as a fraction of the amount.\n", len(offers), len(makers))
	return b.String()
}
