package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

func newOrderbook(a *app) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "orderbook",
		Short: "Show what makers offer now",
		Long: `Ask all makers for their offers and show them, the cheapest of each type first.
No wallet and no node are needed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			switch {
			case wait < 0:
				return usagef("--wait %v: want a time to wait, such as 30s", wait)
			case wait == 0:
				wait = a.cfg.Timeout.Maker
			}
			session, hangUp, err := a.connect(cmd.Context(), control.RoleWatcher)
			if err != nil {
				return err
			}
			defer hangUp()
			book, err := taker.Book(cmd.Context(), session, taker.BookWait{
				Quiet: a.quiet(), Limit: wait, Enough: 1,
				Progress: func(offers, makers int) {
					a.term.waiting(fmt.Sprintf("waiting for offers: %d so far, of %d makers", offers, makers))
				},
			})
			a.term.waiting("")
			if err != nil {
				return err
			}
			if a.json {
				return a.print(book)
			}
			fmt.Fprint(a.term.out, bookText(book))
			return nil
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for offers at most (default: maker_timeout_sec)")
	return cmd
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
