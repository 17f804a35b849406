package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newWalletSend(a *app) *cobra.Command {
	cmd := a.paymentCommand(a.pay)
	cmd.Use = "send [WALLET] ADDRESS=AMOUNT..."
	cmd.Short = "Pay one or several receivers, without a CoinJoin"
	cmd.Long = `Pay one or several receivers in one ordinary transaction. Everybody can see
that its coins belong together; jm sendpayment pays with a CoinJoin.

AMOUNT is in satoshis (250000) or in bitcoin (0.0025, 0.0025btc). A receiver may
also be a payment URI (bitcoin:...?amount=...) in quotes. --sweep sends all that
is in the mixdepth, or all of the coins named with --coin, to one address.

You see the coins, the outputs and the exact fee, and are asked before anything
is signed. A fee of more than a fifth of the payment is refused unless --max-fee
allows it, and a rate above absurd_fee_per_kb always.`
	cmd.Example = `  jm wallet send bc1q...=0.05 bc1p...=250000
  jm wallet send savings --sweep bc1q... -m 2 --target 6
  jm wallet send bc1q...=0.01 --coin 4a5e...:0 --feerate 2.5`
	return cmd
}

// paymentCommand makes a command whose words and flags are a payment without a
// CoinJoin; do makes it from the wallet of that name.
func (a *app) paymentCommand(do func(ctx context.Context, name string, p spend.Payment, fee feerate.Policy, yes bool) error) *cobra.Command {
	var (
		o     spendFlags
		sweep string
		yes   bool
	)
	cmd := &cobra.Command{
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name, to, err := a.sendWords(args, sweep)
			if err != nil {
				return err
			}
			p, err := o.payment(cmd.Flags(), to)
			if err != nil {
				return err
			}
			fee, err := o.policy(a)
			if err != nil {
				return err
			}
			return do(cmd.Context(), name, p, fee, yes)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().StringVar(&sweep, "sweep", "", "send everything to this `address`")
	cmd.Flags().BoolVar(&yes, "yes", false, "agree beforehand")
	return cmd
}

// sendWords reads the receivers of send, or the one of --sweep.
func (a *app) sendWords(args []string, sweep string) (name string, to []receiver, err error) {
	if name, to, err = a.receivers(args); err != nil {
		return "", nil, err
	}
	for _, r := range to {
		if r.amount == 0 {
			return "", nil, usagef("%s: nothing to pay; to send everything, use --sweep", r.address)
		}
	}
	switch {
	case sweep != "" && len(to) > 0:
		return "", nil, usagef("--sweep sends everything to one address; leave out the other receivers")
	case sweep != "":
		all, err := a.receiver(sweep)
		return name, []receiver{all}, err
	case len(to) == 0:
		return "", nil, usagef("whom to pay? Write ADDRESS=AMOUNT, once for each receiver")
	}
	return name, to, nil
}

// pay makes a payment without a CoinJoin.
func (a *app) pay(ctx context.Context, name string, p spend.Payment, fee feerate.Policy, yes bool) error {
	w, done, err := a.openSynced(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	if p.Mixdepth >= w.Mixdepths() {
		return usagef("-m %d: this wallet has the mixdepths 0 to %d", p.Mixdepth, w.Mixdepths()-1)
	}
	a.term.waiting("asking for a fee rate")
	r, err := spend.Pay(ctx, a.spending(w, fee), p, func(q spend.Quote) error {
		return a.agree("\n  pay\n"+spendQuote(w, q), "Send it?", yes)
	})
	return a.sent(w, r, err)
}

// agree shows what is about to happen and asks, unless the user has agreed
// beforehand.
func (a *app) agree(text, question string, yes bool) error {
	a.term.waiting("")
	a.term.say("%s", text)
	if yes {
		return nil
	}
	ok, err := a.term.confirm(question)
	if err != nil {
		return needYes(err)
	}
	if !ok {
		return errDeclined
	}
	return nil
}

// sent prints what became of a payment.
func (a *app) sent(w *wallet.Wallet, r spend.Receipt, err error) error {
	a.term.waiting("")
	if r.Tx != nil {
		rep := newReceipt(w, r.Quote)
		rep.signed(r.Tx, r.Size, err == nil)
		if printErr := a.printReceipt(rep); printErr != nil {
			return printErr
		}
	}
	return spendError(err)
}

// printReceipt prints a payment that was signed.
func (a *app) printReceipt(rep *receipt) error {
	if a.json {
		return a.print(rep)
	}
	what := "Transaction sent: "
	if !rep.Sent {
		what = "Transaction signed and kept: "
	}
	_, err := fmt.Fprintf(a.term.out, "%s%s\nfee %v for %d vB, %s\n", what, rep.TxID, rep.Fee, rep.VSize, perVByte(rep.Rate))
	return err
}

// spendError gives a payment that failed its exit status and says what to do.
func spendError(err error) error {
	for _, c := range []struct {
		cause  error
		code   int
		advice string
	}{
		{wallet.ErrKept, exitUnsure, "jm wallet pending list shows it"},
		{coins.ErrFunds, exitFunds, "Pay less, use another mixdepth (-m), or wait; --unconfirmed uses coins that are not confirmed"},
		{txbuild.ErrFunds, exitFunds, "Pay less, or from more coins"},
		{chain.ErrNoEstimate, exitNode, "Name a rate with --feerate (jm sendpayment: -f), or set tx_fees in joinmarket.cfg to one, in sat/kvB"},
		{chain.ErrRejected, exitFailure, "Nothing was sent"},
		{feerate.ErrShare, exitUsage, "If that is right, allow it with --max-fee (of jm wallet send)"},
		{feerate.ErrAbsurd, exitUsage, "If that is right, set absurd_fee_per_kb in joinmarket.cfg"},
		{feerate.ErrTooLow, exitUsage, ""},
		{spend.ErrMix, exitUsage, "If you accept that everybody can link them from then on: --mix-mixdepths"},
		{spend.ErrCoin, exitFunds, ""},
		{spend.ErrNoPayer, exitFunds, ""},
		{spend.ErrDust, exitUsage, ""},
		{spend.ErrPayment, exitUsage, ""},
		{spend.ErrTooLarge, exitUsage, "Name some of the coins with --coin"},
		{spend.ErrPaysMore, exitUsage, ""},
		{txbuild.ErrConflict, exitUsage, "Name each receiver once"},
		{wallet.ErrMixdepth, exitUsage, ""},
		{wallet.ErrNoRecord, exitUsage, ""},
	} {
		if errors.Is(err, c.cause) {
			if c.advice != "" {
				err = fmt.Errorf("%w\n%s", err, c.advice)
			}
			return withCode(c.code, err)
		}
	}
	return nodeError(err)
}
