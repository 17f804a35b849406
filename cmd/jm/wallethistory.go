package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/ledger"
)

func newWalletHistory(a *app) *cobra.Command {
	var csv, offline bool
	var verbosity int
	cmd := &cobra.Command{
		Use:   "history [WALLET]",
		Short: "Show the past of a wallet and what its CoinJoins earned",
		Long: `Show the past of a wallet, a line for each confirmed transaction, and what its
CoinJoins earned. What looks like a CoinJoin is one to this command.

With --verbosity 1 or 2 CoinJoins within the wallet that follow each other are
one line, with 3 or more each has its own, with 0 there are no lines; an even
number adds the transaction ids. --csv has every line with its id, for a
spreadsheet, in local time as elsewhere; --json has exact times.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if verbosity < 0 || verbosity > 6 {
				return usagef("--verbosity %d: want 0 to 6", verbosity)
			}
			w, done, err := a.openKnown(cmd.Context(), one(args), offline)
			if err != nil {
				return err
			}
			defer done()
			past, err := w.History()
			if err != nil {
				return err
			}
			if a.json {
				return a.print(newPast(w, past))
			}
			if csv {
				return ledger.Write(a.term.out, past.Rows, ledger.Format{CSV: true, TxID: true, Zone: time.Local})
			}
			return a.printHistory(w, past, verbosity)
		},
	}
	cmd.Flags().BoolVar(&csv, "csv", false, "write comma-separated values: all transactions, no statistics")
	cmd.Flags().IntVar(&verbosity, "verbosity", 1, "the `level` of detail, 0 to 6")
	cmd.Flags().BoolVar(&offline, "offline", false, "show the last known state at once, without asking the node")
	cmd.MarkFlagsMutuallyExclusive("csv", "verbosity")
	return cmd
}

func (a *app) printHistory(w *wallet.Wallet, past ledger.Ledger, verbosity int) error {
	rows := past.Rows
	switch {
	case verbosity == 0:
		rows = nil
	case verbosity < 3:
		rows = ledger.Merge(rows)
	}
	if err := ledger.Write(a.term.out, rows, ledger.Format{TxID: verbosity%2 == 0, Zone: time.Local}); err != nil {
		return err
	}
	tip, _ := w.Synced()
	fmt.Fprintf(a.term.out, "\nbest block    %d  %s  %s\n", tip.Height, tip.Hash, tip.MedianTime.Format("2006-01-02 15:04"))
	fmt.Fprintf(a.term.out, "balance       %s BTC in %d coins\n", past.Balance.BTC(), past.Coins)
	fmt.Fprintf(a.term.out, "total profit  %s BTC\n", past.Profit.SignedBTC())
	if rate, ok := past.Rate(tip.MedianTime); ok {
		fmt.Fprintf(a.term.out, "interest      %.3f %% a year, as if the wallet were a bank account\n", rate)
	}
	if past.Pending > 0 {
		fmt.Fprintf(a.term.out, "unconfirmed   %s BTC in %d transactions\n", past.PendingChange.SignedBTC(), past.Pending)
	}
	return nil
}

// past is the document of `jm wallet history --json`. Amounts are whole
// satoshis, times in UTC.
type past struct {
	Height       int32           `json:"height"`
	Synced       bool            `json:"synced"` // false: the last known state, of block Height
	Transactions []pastTx        `json:"transactions"`
	Balance      sats.Amount     `json:"balance"` // confirmed
	Coins        int             `json:"coins"`
	Profit       sats.Amount     `json:"profit"`
	YearlyRate   *float64        `json:"yearly_rate_percent,omitempty"`
	Unconfirmed  pastUnconfirmed `json:"unconfirmed"`
}

type pastUnconfirmed struct {
	Transactions int         `json:"transactions"`
	Change       sats.Amount `json:"change"`
}

type pastTx struct {
	TxID         string      `json:"txid"`
	Time         time.Time   `json:"time"`
	Type         ledger.Kind `json:"type"`
	Amount       sats.Amount `json:"amount"`
	Change       sats.Amount `json:"change"`
	Balance      sats.Amount `json:"balance"`
	Fee          sats.Amount `json:"fee,omitempty"`
	Participants int         `json:"participants,omitempty"`
	Coins        int         `json:"coins"`
	From         []int       `json:"mixdepths_from"`
	To           []int       `json:"mixdepths_to"`
	Label        string      `json:"label"`
}

func newPast(w *wallet.Wallet, l ledger.Ledger) *past {
	tip, synced := w.Synced()
	p := &past{
		Height: tip.Height, Synced: synced, Transactions: []pastTx{}, Balance: l.Balance, Coins: l.Coins, Profit: l.Profit,
		Unconfirmed: pastUnconfirmed{l.Pending, l.PendingChange},
	}
	if rate, ok := l.Rate(tip.MedianTime); ok {
		p.YearlyRate = &rate
	}
	for _, r := range l.Rows {
		p.Transactions = append(p.Transactions, pastTx{
			TxID: r.TxID.String(), Time: r.Time.UTC(), Type: r.Kind, Amount: r.Amount, Change: r.Change, Balance: r.Balance,
			Fee: r.Fee, Participants: r.Participants, Coins: r.Coins,
			From: append([]int{}, r.From...), To: append([]int{}, r.To...), Label: w.Label(labels.ForTx(r.TxID)),
		})
	}
	return p
}
