package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

func newWalletShow(a *app) *cobra.Command {
	var showCoins, offline bool
	cmd := &cobra.Command{
		Use:     "show [WALLET]",
		Aliases: []string{"summary"},
		Short:   "Show what a wallet holds, by mixdepth",
		Long: `Show what a wallet holds, by mixdepth.

On a terminal the last known state is shown at once, then what the node tells.
If the node cannot be reached, the last known state is shown, and said to be so.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			return a.showKnown(cmd.Context(), one(args), offline, func(w *wallet.Wallet) (description, error) {
				return summarise(w, showCoins)
			})
		},
	}
	cmd.Flags().BoolVar(&showCoins, "coins", false, "list the coins too")
	cmd.Flags().BoolVar(&offline, "offline", false, "show the last known state at once, without asking the node")
	return cmd
}

// walletSummary is the document of `jm wallet show --json`. Amounts are whole
// satoshis.
type walletSummary struct {
	ID        string            `json:"id"`
	Height    int32             `json:"height"`
	Synced    bool              `json:"synced"` // false: the last known state, of block Height
	Total     sats.Amount       `json:"total"`
	Mixdepths []mixdepthSummary `json:"mixdepths"`

	coins bool // the text lists them
}

type mixdepthSummary struct {
	Mixdepth    int           `json:"mixdepth"`
	Available   sats.Amount   `json:"available"`
	Unconfirmed sats.Amount   `json:"unconfirmed"`
	Frozen      sats.Amount   `json:"frozen"`
	Bonds       sats.Amount   `json:"bonds"`
	Immature    sats.Amount   `json:"immature"`
	Coins       []coinSummary `json:"coins"`
}

type coinSummary struct {
	OutPoint      string      `json:"outpoint"`
	Value         sats.Amount `json:"value"`
	Path          string      `json:"path"`
	Confirmations int32       `json:"confirmations"`
	Frozen        bool        `json:"frozen"`
	Cause         coins.Cause `json:"frozen_by,omitempty"`
}

// summarise makes the document, whose text lists the coins if showCoins is set.
func summarise(w *wallet.Wallet, showCoins bool) (*walletSummary, error) {
	id, err := w.ID()
	if err != nil {
		return nil, err
	}
	balances, err := w.Balances()
	if err != nil {
		return nil, err
	}
	all, err := w.Coins()
	if err != nil {
		return nil, err
	}
	tip, synced := w.Synced()
	s := &walletSummary{ID: id, Height: tip.Height, Synced: synced, coins: showCoins}
	for _, b := range balances {
		s.Mixdepths = append(s.Mixdepths, mixdepthSummary{
			Mixdepth: b.Mixdepth, Available: b.Available, Unconfirmed: b.Unconfirmed,
			Frozen: b.Frozen, Bonds: b.Bonds, Immature: b.Immature, Coins: []coinSummary{},
		})
		s.Total += b.Total()
	}
	for _, c := range all {
		m := &s.Mixdepths[c.Mixdepth]
		m.Coins = append(m.Coins, summariseCoin(w, c, tip.Height))
	}
	return s, nil
}

func summariseCoin(w *wallet.Wallet, c coins.Coin, height int32) coinSummary {
	return coinSummary{
		OutPoint: c.OutPoint.String(), Value: c.Value, Confirmations: c.Confirmations(height), Frozen: c.Frozen, Cause: c.Cause,
		Path: w.PathText(c.Path()),
	}
}

func (s *walletSummary) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "wallet %s at block %d", s.ID, s.Height)
	if !s.Synced {
		b.WriteString(" (last known state)")
	}
	b.WriteString("\n\n")
	fmt.Fprintf(&b, "mixdepth  available (BTC)   not spendable now\n")
	for _, m := range s.Mixdepths {
		var notes []string
		for _, part := range []struct {
			amount sats.Amount
			name   string
		}{{m.Unconfirmed, "unconfirmed"}, {m.Frozen, "frozen"}, {m.Bonds, "in fidelity bonds"}, {m.Immature, "immature"}} {
			if part.amount > 0 {
				notes = append(notes, part.amount.BTC()+" "+part.name)
			}
		}
		line := fmt.Sprintf("%8d %16s   %s", m.Mixdepth, m.Available.BTC(), strings.Join(notes, ", "))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if s.coins {
			for _, c := range m.Coins {
				line := fmt.Sprintf("         %16s   %s  %d conf.  %s", c.Value.BTC(), c.Path, c.Confirmations, c.OutPoint)
				if c.Frozen {
					line += "  frozen (" + string(c.Cause) + ")"
				}
				b.WriteString(line + "\n")
			}
		}
	}
	fmt.Fprintf(&b, "\n   total %16s\n", s.Total.BTC())
	return b.String()
}
