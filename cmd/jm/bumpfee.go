package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/status"
)

func newWalletBumpFee(a *app) *cobra.Command {
	var (
		o      feeFlags
		output int
		child  bool
		yes    bool
	)
	cmd := &cobra.Command{
		Use:   "bumpfee [WALLET] TXID",
		Short: "Raise the fee of an unconfirmed transaction",
		Long: `Raise the fee of an unconfirmed transaction, so that it is mined sooner.

A payment of your own is replaced by the same payment with a higher fee (RBF),
which your change pays; --output names another output, whose receiver then gets
less. A CoinJoin cannot be replaced, since others have signed it, nor can what
others build upon: there a new transaction spends an output of yours to yourself
with a fee high enough for both (child pays for parent, CPFP). You see what that
gives away before you agree.`,
		Example: `  jm wallet bumpfee 4a5e... --feerate 12.5
  jm wallet bumpfee savings 4a5e... --target 2 --cpfp`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			id, err := parseTxID(args[len(args)-1])
			if err != nil {
				return err
			}
			if output < spend.NoOutput {
				return usagef("--output %d: want the number of an output, from 0 on", output)
			}
			fee, err := o.policy(a)
			if err != nil {
				return err
			}
			return a.bumpFee(cmd.Context(), one(args[:len(args)-1]), spend.Raise{TxID: id, Output: output, Child: child}, fee, yes)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().IntVarP(&output, "output", "o", spend.NoOutput, "the `number` of the output that pays, from 0 on (default: your change)")
	cmd.Flags().BoolVar(&child, "cpfp", false, "let a child pay even where the transaction could be replaced")
	cmd.Flags().BoolVar(&yes, "yes", false, "agree beforehand")
	return cmd
}

func parseTxID(text string) (id chainhash.Hash, err error) {
	parsed, err := chainhash.NewHashFromStr(text)
	if err != nil || parsed.String() != text {
		return id, usagef("%.80q is no transaction id: want 64 hex digits", text)
	}
	return *parsed, nil
}

func (a *app) bumpFee(ctx context.Context, name string, raise spend.Raise, fee feerate.Policy, yes bool) error {
	w, done, err := a.openSynced(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	a.term.waiting("asking what the transaction pays")
	r, err := spend.BumpFee(ctx, a.spending(w, fee), raise, func(q spend.Quote) error {
		return a.agree(bumpText(w, q), "Send it?", yes)
	})
	return a.sent(w, r, err)
}

// bumpText shows what a bump does, what it costs and what it gives away.
func bumpText(w *wallet.Wallet, q spend.Quote) string {
	var b strings.Builder
	old := q.Bump
	if old.Child {
		fmt.Fprintf(&b, "\n  a child pays for %s\n", old.TxID)
	} else {
		fmt.Fprintf(&b, "\n  replace %s\n", old.TxID)
	}
	b.WriteString(spendQuote(w, q))
	now := "    rate   %s before (%v for %d vB), %s then\n"
	if old.Child {
		now = "    rate   %s before (%v for %d vB), %s then, both taken together\n"
	}
	fmt.Fprintf(&b, now, perVByte(q.OldRate()), old.Fee, old.VSize, perVByte(q.EffectiveRate()))
	switch {
	case old.Child:
		b.WriteString(childText(w, q))
	case !old.Signals:
		b.WriteString("    NOTE: the old transaction does not say that it may be replaced; some nodes will refuse.\n")
	}
	return b.String()
}

// childText explains the link that a child makes.
func childText(w *wallet.Wallet, q spend.Quote) string {
	tx := w.Tx(q.Bump.TxID)
	if tx == nil {
		return ""
	}
	join, joined := status.CoinJoin(tx)
	switch {
	case !joined:
		return "    Everybody can see that the new transaction spends an output of the old one to hurry it up,\n" +
			"    so that this output is likely the payer's change or the receiver's.\n"
	case q.Inputs[0].Value == join.Amount:
		return fmt.Sprintf("    NOTE: this spends one of the %d equal outputs. It shows that its owner was in a hurry, which\n"+
			"    sets it apart from the others; better spend your change of the CoinJoin, or wait.\n", join.Participants)
	}
	return "    NOTE: this spends your change of the CoinJoin. Everybody knows already whose inputs it came from; the\n" +
		"    child adds that this participant was in a hurry, so is likely the one who asked for the CoinJoin.\n" +
		"    It says nothing about the equal outputs, as long as you never spend one together with this change.\n"
}
