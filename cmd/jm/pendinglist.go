package main

import (
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
)

// pendingTx is an element of "pending" of `jm wallet pending list --json`.
type pendingTx struct {
	TxID          string `json:"txid"`
	Tx            string `json:"tx"` // hex
	Since         string `json:"since"`
	State         string `json:"state"` // confirmed, unconfirmed, lost or double-spent
	Confirmations int32  `json:"confirmations"`
	Others        bool   `json:"others"` // a maker was given it to send: jm does not
}

// signedTx is an element of "signed": a CoinJoin that this wallet signed as a
// maker and whose end the maker has not seen yet.
type signedTx struct {
	TxID          string      `json:"txid"`
	Since         string      `json:"since"`
	State         string      `json:"state"` // confirmed, unconfirmed, spent (otherwise) or lost
	Confirmations int32       `json:"confirmations"`
	Amount        sats.Amount `json:"amount"`
	Earning       sats.Amount `json:"earning"`
	Coins         []string    `json:"coins"`           // set aside for it
	Until         string      `json:"until,omitempty"` // how long at most
}

func newPendingList(a *app) *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "list [WALLET]",
		Short: "List the transactions that are not yet safe in the chain",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			w, done, err := a.openKnown(cmd.Context(), one(args), offline)
			if err != nil {
				return err
			}
			defer done()
			sent, signed := pendingList(w.Pending()), signedList(w.Signed())
			if a.json {
				return a.print(map[string]any{"pending": sent, "signed": signed})
			}
			if len(sent)+len(signed) == 0 {
				a.term.say("Nothing is pending.")
			}
			for _, p := range sent {
				fmt.Fprintf(a.term.out, "%s   since %s   %s\n", p.TxID, local(p.Since), p.note())
			}
			for _, s := range signed {
				fmt.Fprintf(a.term.out, "%s   since %s   %s\n", s.TxID, local(s.Since), s.note())
				for _, coin := range s.Coins {
					fmt.Fprintf(a.term.out, "    set aside until %s: %s\n", local(s.Until), coin)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "show the last known state at once, without asking the node")
	return cmd
}

func pendingList(all []wallet.Pending) []pendingTx {
	list := []pendingTx{}
	for _, p := range all {
		state := txState(p.Seen, p.Confirmations)
		if p.Spent {
			state = "double-spent"
		}
		list = append(list, pendingTx{p.ID.String(), txHex(p.Tx), utc(p.Since), state, p.Confirmations, p.Others})
	}
	return list
}

func signedList(all []wallet.Signed) []signedTx {
	list := []signedTx{}
	for _, s := range all {
		one := signedTx{
			TxID: s.ID.String(), Since: utc(s.Since), State: txState(s.Seen, s.Confirmations), Confirmations: s.Confirmations,
			Amount: s.Amount, Earning: s.Earning, Coins: texts(s.Coins),
		}
		if s.Spent {
			one.State = "spent"
		}
		if len(s.Coins) > 0 {
			one.Until = utc(s.Until)
		}
		list = append(list, one)
	}
	return list
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// local is a time of utc as the displays have it, by the user's clock.
func local(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return t.Local().Format(time.DateTime)
}

func texts(outs []wire.OutPoint) []string {
	list := []string{}
	for _, out := range outs {
		list = append(list, out.String())
	}
	return list
}

func txState(seen bool, confirmations int32) string {
	switch {
	case confirmations > 0:
		return "confirmed"
	case seen:
		return "unconfirmed"
	}
	return "lost"
}

func (p pendingTx) note() string {
	text := map[string]string{
		"confirmed":    fmt.Sprintf("%d confirmations", p.Confirmations),
		"unconfirmed":  "in the mempool",
		"lost":         "the node does not have it; jm wallet pending send",
		"double-spent": "will not be mined: another participant spent a coin of it otherwise; yours are free",
	}[p.State]
	if p.Others && p.State == "lost" {
		return "a maker was given it to send; the node does not have it (yet)"
	}
	return text
}

func (s signedTx) note() string {
	return fmt.Sprintf("signed as a maker, %s BTC, earns %v; %s", s.Amount.BTC(), s.Earning, map[string]string{
		"confirmed":   fmt.Sprintf("%d confirmations", s.Confirmations),
		"unconfirmed": "in the mempool",
		"spent":       "its coins were spent otherwise",
		"lost":        "the node does not have it (yet)",
	}[s.State])
}
