package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

func newBondList(a *app) *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "list [WALLET]",
		Short: "List the fidelity bonds, what they are worth and what they are tied to",
		Long: `List the fidelity bonds: what they are worth now to takers with the usual rates,
whether their time has come, and what everybody can tie them to.

The median time of the last eleven blocks decides when a bond can be spent; it
is about an hour late. The value is that of the reference's displays: satoshis
to the power of bond_value_exponent (1.3), divided by 10^16, with interest_rate a
year. A maker announces the best bond only.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			w, done, err := a.openKnown(cmd.Context(), one(args), offline)
			if err != nil {
				return err
			}
			defer done()
			rates, err := bondRates(a.cfg.Policy)
			if err != nil {
				return err
			}
			list, err := newBondListing(w, rates)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(list)
			}
			if len(list.Bonds) == 0 {
				a.term.say("No fidelity bond. For the address of one: jm wallet bond address YYYY-MM")
				return nil
			}
			fmt.Fprint(a.term.out, list.text())
			for _, warning := range list.warnings() {
				a.term.say("%s", warning)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "show the last known state at once, without asking the node")
	return cmd
}

// bondListing is the document of `jm wallet bond list --json`. Amounts are whole
// satoshis, times Unix seconds.
type bondListing struct {
	Height int32 `json:"height"`
	Synced bool  `json:"synced"` // false: the last known state, of block Height
	Median int64 `json:"median_time"`
	// CertifiedTo is the last block of a certificate that is made now.
	CertifiedTo int64         `json:"certificate_until"`
	Best        string        `json:"best,omitempty"` // outpoint of the one that a maker announces
	Bonds       []bondSummary `json:"bonds"`
	// Beside counts the other coins in mixdepth 0, where the bonds are.
	Beside int `json:"coins_beside"`
}

type bondSummary struct {
	OutPoint      string      `json:"outpoint"`
	Address       string      `json:"address"`
	Path          string      `json:"path"`
	Amount        sats.Amount `json:"amount"`
	Confirmations int32       `json:"confirmations"`
	Confirmed     int64       `json:"confirmed,omitempty"` // time of the block
	Locktime      uint32      `json:"locktime"`
	Locked        bool        `json:"locked"`
	Value         float64     `json:"bond_value"` // satoshis to the power of bond_value_exponent
	Frozen        bool        `json:"frozen"`
	Cause         coins.Cause `json:"frozen_by,omitempty"`
	Links         []bondLink  `json:"links"`
}

type bondLink struct {
	Kind     wallet.LinkKind `json:"kind"`
	OutPoint string          `json:"outpoint,omitempty"`
	Amount   sats.Amount     `json:"amount,omitempty"`
}

// newBondListing lists the bonds, with what they are worth by the user's rates.
func newBondListing(w *wallet.Wallet, rates bond.Rates) (*bondListing, error) {
	all, err := w.Bonds()
	if err != nil {
		return nil, err
	}
	others, err := w.Coins()
	if err != nil {
		return nil, err
	}
	tip, synced := w.Synced()
	list := &bondListing{
		Height: tip.Height, Synced: synced, Median: tip.MedianTime.Unix(),
		CertifiedTo: int64(bond.Expiry(tip.Height)) * bond.Period, Bonds: []bondSummary{},
	}
	if at, found := best(all, tip.MedianTime); found {
		list.Best = all[at].OutPoint.String()
	}
	for _, b := range all {
		s := bondSummary{
			OutPoint: b.OutPoint.String(), Address: b.Address, Path: w.PathText(b.Path()), Amount: b.Coin.Value,
			Confirmations: b.Confirmations(tip.Height), Locktime: b.Locktime, Locked: !b.Expired,
			Value: b.Worth(rates, tip.MedianTime), Frozen: b.Frozen, Cause: b.Cause, Links: []bondLink{},
		}
		if !b.Confirmed.IsZero() {
			s.Confirmed = b.Confirmed.Unix()
		}
		for _, l := range b.Links {
			s.Links = append(s.Links, newBondLink(l))
		}
		list.Bonds = append(list.Bonds, s)
	}
	for _, c := range others {
		if c.Mixdepth == 0 && c.Branch != keys.Timelocked {
			list.Beside++
		}
	}
	return list, nil
}

func newBondLink(l wallet.Link) bondLink {
	if l.Kind == wallet.LinkPayer {
		return bondLink{Kind: l.Kind}
	}
	return bondLink{l.Kind, l.Coin.OutPoint.String(), l.Coin.Value}
}

func (l *bondListing) text() string {
	var b strings.Builder
	for _, s := range l.Bonds {
		fmt.Fprintf(&b, "%s\n", s.OutPoint)
		fmt.Fprintf(&b, "  amount   %s BTC, %d conf.\n", s.Amount.BTC(), s.Confirmations)
		fmt.Fprintf(&b, "  address  %s  %s\n", s.Address, s.Path)
		fmt.Fprintf(&b, "  lock     %s\n", s.lock(time.Unix(l.Median, 0)))
		value := bondValueText(s.Value)
		if s.OutPoint == l.Best {
			value += ", the best: what a maker announces"
		}
		fmt.Fprintf(&b, "  value    %s\n", value)
		if s.Frozen {
			fmt.Fprintf(&b, "  frozen   (%s)\n", s.Cause)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "At block %d, %s UTC by the chain. A certificate made now is good up to block %d.\n",
		l.Height, time.Unix(l.Median, 0).UTC().Format(bondTime), l.CertifiedTo)
	return b.String()
}

// lock tells whether the time of a bond has come, by the clock of the chain.
func (s bondSummary) lock(median time.Time) string {
	end := unixUTC(s.Locktime)
	if !s.Locked {
		return "ended " + end.Format(bondTime) + " UTC: it can be spent (jm wallet bond spend)"
	}
	return fmt.Sprintf("LOCKED until %s UTC, %d days", end.Format(bondTime), (end.Sub(median)+24*time.Hour-1)/(24*time.Hour))
}

// warnings are what ties the bonds to other things of their owner.
func (l *bondListing) warnings() (texts []string) {
	for _, s := range l.Bonds {
		for _, link := range s.Links {
			texts = append(texts, fmt.Sprintf("WARNING: %.16s...: %s", s.OutPoint, link.text()))
		}
	}
	if len(l.Bonds) > 0 && l.Beside > 0 {
		texts = append(texts, fmt.Sprintf("NOTE: mixdepth 0 has other coins (%d) beside the bonds. Better have bonds alone there: send the others on\n"+
			"  with a CoinJoin, and never spend them together with a bond.", l.Beside))
	}
	return texts
}

// text says what a link means.
func (l bondLink) text() string {
	switch l.Kind {
	case wallet.LinkPayer:
		return "somebody else paid it, and knows whose bond it is."
	case wallet.LinkChange:
		return fmt.Sprintf("%s (%s BTC)\n  came back to you from the same payment: everybody can see that the owner of the bond has it.", l.OutPoint, l.Amount.BTC())
	}
	return l.source()
}

// source says what a coin ties the bond to that it pays.
func (l bondLink) source() string {
	if l.Kind == wallet.LinkBond {
		return fmt.Sprintf("everybody can see that the bond %s\n  (%s BTC) has the same owner.", l.OutPoint, l.Amount.BTC())
	}
	return fmt.Sprintf("the coin %s (%s BTC)\n  pays it, and no CoinJoin had set that apart: whoever knows the coin as yours knows the bond.", l.OutPoint, l.Amount.BTC())
}

// bondValueText writes a value as the reference does: divided by 10^16.
func bondValueText(value float64) string { return strconv.FormatFloat(value/1e16, 'f', 16, 64) }
