package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
)

func newWalletPending(a *app) *cobra.Command {
	cmd := group("pending", "Transactions that are sent, but not yet safe in the chain")
	cmd.Long = `Transactions that are sent, but not yet safe in the chain; alone, the same as
jm wallet pending list. The wallet keeps each until six blocks lie on it. Should
the node lose one, every jm that stays up (such as yieldgenerator) sends it
again, and its coins are set aside meanwhile. After two weeks without success it
is given up.

A CoinJoin that a maker was given to send is kept the same way, but sent by
nobody here. One of which another participant has spent a coin otherwise cannot
be mined any more: six blocks later its coins are free, and the list says so. A
maker's list has the CoinJoins too that it signed and whose end it has not seen;
their coins are set aside for some minutes.`
	list := newPendingList(a)
	help := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return help(cmd, args) // which complains
		}
		return list.RunE(cmd, nil)
	}
	cmd.AddCommand(list, newPendingSend(a), newPendingForget(a))
	return cmd
}

func newPendingSend(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "send [WALLET]",
		Short: "Send again the transactions that the node has lost",
		Long: `Send those again that the node has lost. A light client cannot know what its
peers have lost: it offers them all that is not confirmed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			w, done, err := a.openSynced(cmd.Context(), one(args))
			if err != nil {
				return err
			}
			defer done()
			send := w.Resend
			if a.light() {
				send = func(ctx context.Context) (int, error) { return a.offerAgain(ctx, w) }
			}
			count, err := send(cmd.Context())
			if a.json {
				if err := a.print(map[string]int{"sent": count}); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(a.term.out, "%d sent\n", count)
			}
			return nodeError(err)
		},
	}
}

// offerAgain has a light client offer its peers what is not confirmed.
func (a *app) offerAgain(ctx context.Context, w *wallet.Wallet) (sent int, err error) {
	a.term.waiting("offering the transactions to the peers")
	defer a.term.waiting("")
	for _, p := range w.Pending() {
		if p.Confirmations > 0 || p.Others {
			continue
		}
		if e := w.Chain().Broadcast(ctx, p.Tx); e != nil {
			err = errors.Join(err, e)
			continue
		}
		sent++
	}
	return sent, err
}

func newPendingForget(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "forget [WALLET] TXID",
		Short: "Give a transaction up, so that its coins can be spent otherwise",
		Long: `Give a transaction up: it is not sent again, and its coins can be spent
otherwise. Whoever has a copy can still have it mined; to be sure that it never
is, spend one of its coins in another transaction (jm wallet send --coin).`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			id, err := parseTxID(args[len(args)-1])
			if err != nil {
				return err
			}
			w, err := a.openWallet(one(args[:len(args)-1]), nil)
			if err != nil {
				return err
			}
			defer w.Close()
			if err := a.agree("\n  give up "+id.String()+"\n    Others may have it, so that it may be mined all the same.\n", "Give it up?", yes); err != nil {
				return err
			}
			if err := w.Forget(id); errors.Is(err, wallet.ErrPending) {
				return withCode(exitUsage, err)
			} else if err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"forgotten": id.String()})
			}
			fmt.Fprintln(a.term.out, "given up")
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "agree beforehand")
	return cmd
}
