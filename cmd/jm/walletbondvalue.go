package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// bondCoin is a coin, or an imagined one, that is to be a bond.
type bondCoin struct {
	amount         sats.Amount
	confirmed, now time.Time
	coin           bookCoin // zero: imagined
}

// bondCoin reads the argument of `jm bond calc`.
func (a *app) bondCoin(ctx context.Context, text string) (c bondCoin, err error) {
	if !strings.Contains(text, ":") {
		if c.amount, err = sats.Parse(text); err != nil || c.amount <= 0 {
			return c, usagef("%.80q: want an amount, such as 0.5 or 50000000, or a coin, txid:vout", text)
		}
		c.now = time.Now().UTC()
		c.confirmed = c.now
		return c, nil
	}
	out, err := coins.ParseOutPoint(text)
	if err != nil {
		return c, usagef("%.80q: %w", text, err)
	}
	if err := a.canVerify(); err != nil {
		return c, err
	}
	backend, err := a.openChain(ctx)
	if err != nil {
		return c, err
	}
	defer backend.Close()
	tip, err := backend.Tip(ctx)
	if err != nil {
		return c, nodeError(err)
	}
	coin, err := backend.TxOut(ctx, out)
	if errors.Is(err, chain.ErrNoTxOut) {
		return c, withCode(exitWallet, fmt.Errorf("%v: %w", out, err))
	} else if err != nil {
		return c, nodeError(err)
	}
	c = bondCoin{amount: coin.Value, now: tip.MedianTime, coin: bookCoin{out.Hash.String(), out.Index}}
	if c.confirmed, err = chain.Confirmed(ctx, backend, coin, tip); c.confirmed.IsZero() {
		c.confirmed = c.now
	}
	return c, err
}

// prospect is an element of `jm bond calc --json`.
type prospect struct {
	Month    string  `json:"month"`
	Locktime uint32  `json:"locktime"`
	Value    float64 `json:"bond_value"` // satoshis to the power of the exponent
	Place    *place  `json:"place,omitempty"`
	// For --chance: the amount that has it; 0: none has, or none is needed.
	Needed  sats.Amount `json:"needed,omitempty"`
	Certain bool        `json:"chance_without_bond,omitempty"`
}

// neededText is what --chance asked for.
func (p prospect) neededText() string {
	switch {
	case p.Certain:
		return "no bond needed"
	case p.Needed == 0:
		return "impossible"
	}
	return p.Needed.BTC()
}

// prospects are those of a coin that is locked until each of some months in a
// row.
func (a *app) prospects(ctx context.Context, text string, o prospectOptions) ([]prospect, error) {
	coin, err := a.bondCoin(ctx, text)
	if err != nil {
		return nil, err
	}
	first := o.month
	if first == "" {
		now := time.Now().UTC()
		first = time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
	}
	list, err := prospects(o.rates, coin, first, o.months)
	if err != nil {
		return nil, usagef("%w", err)
	}
	others, err := a.rivals(ctx, o, coin.coin)
	if others == nil || err != nil {
		return list, err
	}
	for i := range list {
		at := others.place(list[i].Value)
		list[i].Place = &at
	}
	if o.chance == 0 {
		return list, nil
	}
	value, ok := others.odds.Needed(float64(o.chance) / 100)
	for i := range list {
		if p := &list[i]; ok && value > 0 {
			p.Needed = o.rates.Amount(value, coin.confirmed, p.Locktime, coin.now)
		}
		list[i].Certain = ok && value == 0
	}
	return list, nil
}

// prospects values a bond for count months in a row.
func prospects(rates bond.Rates, c bondCoin, first string, count int) (list []prospect, err error) {
	n, err := bond.ParseMonth(first)
	if err != nil {
		return nil, err
	}
	if count < 1 || count > bond.Locktimes-n {
		return nil, fmt.Errorf("%d months from %s on: want 1 to %d", count, first, bond.Locktimes-n)
	}
	for ; count > 0; count-- {
		locktime, err := bond.Locktime(n)
		if err != nil {
			return nil, err
		}
		list = append(list, prospect{
			Month: unixUTC(locktime).Format("2006-01"), Locktime: locktime, Value: rates.Value(c.amount, c.confirmed, locktime, c.now),
		})
		n++
	}
	return list, nil
}

func (a *app) printProspects(list []prospect, o prospectOptions) error {
	if a.json {
		return a.print(list)
	}
	if list[0].Place != nil {
		fmt.Fprintf(a.term.out, "%-7s  %18s  %11s  %5s  %7s  %11s", "until", "value", "rank", "top", "share", fmt.Sprintf("chance of %d", o.wanted))
		if o.chance > 0 {
			fmt.Fprintf(a.term.out, "  %16s", fmt.Sprintf("for %d %% (BTC)", o.chance))
		}
		fmt.Fprintln(a.term.out)
	}
	for _, p := range list {
		fmt.Fprintf(a.term.out, "%s  %s", p.Month, bondValueText(p.Value))
		if at := p.Place; at != nil {
			best := "-"
			if at.Top != nil {
				best = fmt.Sprintf("%d %%", *at.Top)
			}
			fmt.Fprintf(a.term.out, "  %11s  %5s  %7s  %11s", fmt.Sprintf("%d of %d", at.Rank, at.Of), best, percent(at.Share), percent(at.Chance))
			if o.chance > 0 {
				fmt.Fprintf(a.term.out, "  %16s", p.neededText())
			}
		}
		fmt.Fprintln(a.term.out)
	}
	return nil
}
