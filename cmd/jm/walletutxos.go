package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newWalletShowUTXOs(a *app) *cobra.Command {
	var tries, offline bool
	mixdepth := -1
	cmd := &cobra.Command{
		Use:   "showutxos [WALLET]",
		Short: "List the coins of a wallet, frozen ones too",
		Long: `List the coins of a wallet, frozen ones too, with the cause of freezing: user,
reuse (it came to an address that was paid before), bond, or import.

With --json the result is that of the reference: an object by outpoint.`,
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
			if mixdepth >= w.Mixdepths() || mixdepth < -1 {
				return usagef("--mixdepth %d: this wallet has the mixdepths 0 to %d", mixdepth, w.Mixdepths()-1)
			}
			list, err := listUTXOs(w, mixdepth)
			if err != nil {
				return err
			}
			if tries {
				if err := a.countTries(w, list); err != nil {
					return err
				}
			}
			return a.printUTXOs(list)
		},
	}
	cmd.Flags().IntVarP(&mixdepth, "mixdepth", "m", -1, "coins of this `mixdepth` only")
	cmd.Flags().BoolVar(&tries, "tries", false, "tell how often each coin can still vouch for a taker (commitments); takes a moment for each coin")
	cmd.Flags().BoolVar(&offline, "offline", false, "show the last known state at once, without asking the node")
	return cmd
}

// utxo is a coin in the document of `jm wallet showutxos --json`, which is an
// object by outpoint. Names are those of the reference; value is in satoshis.
type utxo struct {
	Address        string      `json:"address"`
	Path           string      `json:"path"`
	Label          string      `json:"label"`
	Value          sats.Amount `json:"value"`
	Tries          *int        `json:"tries,omitempty"`
	TriesRemaining *int        `json:"tries_remaining,omitempty"`
	External       bool        `json:"external"` // always false: coins of others are not listed
	Mixdepth       int         `json:"mixdepth"`
	Confirmations  int32       `json:"confirmations"`
	Frozen         bool        `json:"frozen"`
	Cause          coins.Cause `json:"frozen_by,omitempty"`
	Locktime       string      `json:"locktime,omitempty"` // UTC

	coin coins.Coin
}

// listUTXOs lists the coins of a mixdepth, or of all if it is negative.
func listUTXOs(w *wallet.Wallet, mixdepth int) ([]*utxo, error) {
	all, err := w.Coins()
	if err != nil {
		return nil, err
	}
	tip, _ := w.Synced()
	var list []*utxo
	for _, c := range all {
		if mixdepth >= 0 && c.Mixdepth != mixdepth {
			continue
		}
		address, err := txbuild.FormatAddress(c.Script, w.Params())
		if err != nil {
			return nil, err
		}
		u := &utxo{
			Address: address, Path: w.PathText(c.Path()), Label: w.Label(labels.ForOutput(c.OutPoint)), Value: c.Value,
			Mixdepth: c.Mixdepth, Confirmations: c.Confirmations(tip.Height), Frozen: c.Frozen, Cause: c.Cause, coin: c,
		}
		if u.Label == "" {
			u.Label = w.Label(labels.Ref{Type: labels.Address, Text: address})
		}
		if c.Locktime != 0 {
			u.Locktime = time.Unix(int64(c.Locktime), 0).UTC().Format(time.DateTime)
		}
		list = append(list, u)
	}
	return list, nil
}

// countTries fills in how often coins were committed to. It says nothing of
// frozen coins and fidelity bonds: no commitment is made with their keys.
func (a *app) countTries(w *wallet.Wallet, list []*utxo) error {
	store, err := a.openCommitments()
	if err != nil {
		return err
	}
	var some []*utxo
	var of []coins.Coin
	for _, u := range list {
		if !u.Frozen && u.coin.Locktime == 0 && !w.WatchOnly() {
			some, of = append(some, u), append(of, u.coin)
		}
	}
	tried, err := store.Tried(w, of)
	if err != nil {
		return err
	}
	for i, u := range some {
		left := a.cfg.Policy.TakerUTXORetries - tried[i]
		u.Tries, u.TriesRemaining = &tried[i], &left
	}
	return nil
}

// openCommitments opens the record of the commitments that a taker used.
func (a *app) openCommitments() (*commitments.Store, error) {
	return commitments.Open(commitments.Config{
		Path: a.commitmentsFile(), Files: a.files, Tries: a.cfg.Policy.TakerUTXORetries,
		Age: a.cfg.Policy.TakerUTXOAge, Percent: a.cfg.Policy.TakerUTXOPercent,
	})
}

func (a *app) printUTXOs(list []*utxo) error {
	if a.json {
		byOutPoint := make(map[string]*utxo, len(list))
		for _, u := range list {
			byOutPoint[u.coin.OutPoint.String()] = u
		}
		return a.print(byOutPoint)
	}
	for _, u := range list {
		fmt.Fprintln(a.term.out, u.text())
	}
	return nil
}

// text is a line: outpoint, BTC, path, address, then what is special.
func (u *utxo) text() string {
	notes := []string{fmt.Sprintf("%d conf.", u.Confirmations)}
	if u.Frozen {
		notes = append(notes, "frozen ("+string(u.Cause)+")")
	}
	if u.Locktime != "" {
		notes = append(notes, "locked until "+u.Locktime)
	}
	if u.Tries != nil {
		notes = append(notes, fmt.Sprintf("%d of %d tries left", *u.TriesRemaining, *u.Tries+*u.TriesRemaining))
	}
	if u.Label != "" {
		notes = append(notes, u.Label)
	}
	return fmt.Sprintf("%v  %s  %-20s  %s  %s", u.coin.OutPoint, u.Value.BTC(), u.Path, u.Address, strings.Join(notes, ", "))
}
