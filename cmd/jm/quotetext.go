package main

import (
	"fmt"
	"strings"

	"github.com/joinmarket-go/joinmarket/client/taker"
)

// quoteText shows inputs, outputs, every fee and the makers.
func quoteText(q taker.Quote) string {
	var b strings.Builder
	what := "pay"
	if q.Sweep {
		what = "send everything:"
	}
	fmt.Fprintf(&b, "\n  %s %s BTC to %s\n", what, q.Amount.BTC(), q.Destination)
	for _, c := range q.Inputs {
		fmt.Fprintf(&b, "    from   %16s BTC   %s (mixdepth %d)\n", c.Value.BTC(), c.OutPoint, c.Mixdepth)
	}
	for _, m := range q.Makers {
		fmt.Fprintf(&b, "    maker  %s  asks %v (%s %s)", m.Nick, m.Fee, m.Offer.Type, m.Offer.CJFee)
		if m.Bond > 0 {
			fmt.Fprintf(&b, "  bond %s", bondValueText(m.Bond))
		}
		b.WriteByte('\n')
	}
	if n := len(q.Reserve); n > 0 {
		fmt.Fprintf(&b, "    reserve: %d more makers, who take the place of those that fail\n", n)
	}
	fmt.Fprintf(&b, "    fees   %v to %d makers", q.CJFee, len(q.Makers))
	if q.MaxCJFee > q.CJFee {
		fmt.Fprintf(&b, " (up to %v with the dearest in reserve)", q.MaxCJFee)
	}
	fmt.Fprintf(&b, ", about %v to miners (%d.%03d sat/vB)\n", q.MinerFee, q.FeeRate/1000, q.FeeRate%1000)
	cost := q.MaxCost()
	share := (cost*10000 + q.Amount - 1) / q.Amount // in hundredths of a percent, rounded up
	fmt.Fprintf(&b, "    at most %v in all, %d.%02d %% of the amount\n", cost, share/100, share%100)
	if q.Change > 0 {
		fmt.Fprintf(&b, "    change about %s BTC, back to the same mixdepth; the amounts mostly tell that it is yours\n", q.Change.BTC())
	}
	fmt.Fprintf(&b, "    anonymity set: %d equal outputs (at least %d)\n", q.AnonymitySet(), q.MinMakers+1)
	if q.OddType {
		b.WriteString("    NOTE: the destination is of another type than the makers' addresses: everybody will see\n    which output is the payment. Ask the receiver for an address of the type P2WPKH.\n")
	}
	if !q.Sweep && q.Amount%roundAmount == 0 {
		b.WriteString("    NOTE: a round amount looks like a payment, whoever of these made it.\n")
	}
	b.WriteString(crowdText(q.Crowd))
	b.WriteString(triesText(q))
	if cost > q.Amount/50 {
		b.WriteString("    NOTE: that is more than 2 % of the amount.\n")
	}
	return b.String()
}

// roundAmount divides amounts that look as if somebody had been paid (attack P9).
const roundAmount = 100_000

// oneOperator is the chance above which the user is warned that all makers may
// be one operator.
const oneOperator = 0.01

// crowdText says whom the makers were drawn from, and what that is worth.
func crowdText(c taker.Crowd) string {
	if c.Makers == 0 {
		return ""
	}
	text := fmt.Sprintf("    drawn from %d makers, %d of them with a fidelity bond", c.Makers, c.Bonded)
	switch {
	case c.Chance == 0:
		return text + "\n"
	case c.Bonded == 0:
		return text + "\n    NOTE: nothing shows that these makers are different people: none has locked coins.\n"
	}
	text += fmt.Sprintf("; chance that one operator\n    is all of them, if all makers without a bond are one: %s\n", percent(c.Chance))
	if c.Chance > oneOperator {
		text += "    NOTE: that is much. More makers (-N) make it less.\n"
	}
	return text
}

// percent writes a probability.
func percent(p float64) string {
	switch {
	case p < 0.00005:
		return "below 0.01 %"
	case p < 0.01:
		return fmt.Sprintf("%.2f %%", 100*p)
	}
	return fmt.Sprintf("%.0f %%", 100*p)
}

// triesText says how many attempts the coins are good for.
func triesText(q taker.Quote) string {
	text := fmt.Sprintf("    tries: %d left with these coins, this one included", q.Tries)
	if q.NextTry > 0 {
		text += fmt.Sprintf("; more from block %d on", q.NextTry)
	}
	return text + "\n"
}
