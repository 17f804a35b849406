package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/client/taker"
)

// pickMaker lets the user pick one of the makers, in a table on the terminal. A
// list of one is picked.
func (a *app) pickMaker(candidates []taker.Candidate, missing int) (int, error) {
	if len(candidates) == 1 {
		return 0, nil
	}
	a.term.say("%s", pickText(candidates))
	for {
		answer, err := a.term.ask(fmt.Sprintf("Which maker? (0 to %d, %d more to pick): ", len(candidates)-1, missing))
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(answer); err == nil && n >= 0 && n < len(candidates) {
			return n, nil
		}
	}
}

// pickText is the table of makers.
func pickText(candidates []taker.Candidate) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%4s  %-16s  %14s  %12s  %8s  %s\n", "", "maker", "fee (sat)", "asks", "txfee", "bond")
	for i, c := range candidates {
		bond := "-"
		if c.Bond > 0 {
			bond = bondValueText(c.Bond)
		}
		fmt.Fprintf(&b, "%4d  %-16s  %14d  %12s  %8d  %s\n", i, c.Nick, int64(c.Fee), c.Offer.CJFee, int64(c.Offer.TxFee), bond)
	}
	return b.String()
}
