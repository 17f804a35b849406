package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
)

func newWalletPSBT(a *app) *cobra.Command {
	cmd := group("psbt", "Payments that are signed elsewhere (BIP174)")
	cmd.Long = `Payments that are signed elsewhere: partially signed transactions (PSBT, BIP174).

  online:   jm wallet psbt create bc1q...=0.05 > payment.psbt
  offline:  jm wallet psbt sign payment.psbt > signed.psbt
  online:   jm wallet psbt broadcast signed.psbt

PSBT is a file, in base64 or binary, or - for standard input (up to 1 MB).`
	cmd.AddCommand(newPSBTCreate(a), newPSBTShow(a), newPSBTSign(a), newPSBTFinalize(a), newPSBTBroadcast(a))
	return cmd
}

// readPSBT reads a file, or standard input.
func (a *app) readPSBT(file string) (*psbt.Packet, error) {
	// Base64 takes four thirds, and a line end.
	const most = psbt.MaxSize/3*4 + 8
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(io.LimitReader(a.term.lines, most+1))
	} else {
		var f *os.File
		if f, err = os.Open(file); err == nil {
			defer f.Close()
			data, err = io.ReadAll(io.LimitReader(f, most+1))
		}
	}
	if err != nil {
		return nil, usagef("reading the PSBT: %w", err)
	}
	if len(data) > most {
		return nil, usagef("%w", psbt.ErrTooLarge)
	}
	var p *psbt.Packet
	if bytes.HasPrefix(data, []byte("psbt\xff")) {
		p, err = psbt.Parse(data)
	} else {
		p, err = psbt.Decode(string(bytes.TrimSpace(data)))
	}
	if err != nil {
		return nil, usagef("%w", err)
	}
	return p, nil
}

// printPSBT prints a PSBT, or it and more as JSON.
func (a *app) printPSBT(p *psbt.Packet, more map[string]any) error {
	text, err := p.Encode()
	if err != nil {
		return err
	}
	if a.json {
		more["psbt"], more["txid"] = text, p.TxID().String()
		return a.print(more)
	}
	_, err = fmt.Fprintln(a.term.out, text)
	return err
}

func newPSBTCreate(a *app) *cobra.Command {
	cmd := a.paymentCommand(a.createPSBT)
	cmd.Use = "create [WALLET] ADDRESS=AMOUNT..."
	cmd.Short = "Make a payment without signatures"
	cmd.Long = `Make a payment without signatures and print it as a PSBT, with everything that a
signer needs to know. It takes what jm wallet send takes. The coins are not set
aside: freeze them if another payment could come first.`
	return cmd
}

func (a *app) createPSBT(ctx context.Context, name string, p spend.Payment, fee feerate.Policy, yes bool) error {
	w, done, err := a.openSynced(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	tx, q, err := spend.Unsigned(ctx, a.spending(w, fee), p, func(q spend.Quote) error {
		return a.agree("\n  pay\n"+spendQuote(w, q), "Make the PSBT?", yes)
	})
	a.term.waiting("")
	if err != nil {
		return spendError(err)
	}
	packet, err := unsignedPSBT(w, tx, q)
	if err != nil {
		return err
	}
	rep := newReceipt(w, q)
	return a.printPSBT(packet, map[string]any{
		"amount": rep.Amount, "fee": rep.Fee, "fee_rate": rep.Rate, "quoted_vsize": rep.Quoted,
		"inputs": rep.Inputs, "outputs": rep.Outputs, "change": rep.Change,
	})
}

// unsignedPSBT wraps a quoted transaction, with the transactions that paid its
// coins, so that no signer need believe anything.
func unsignedPSBT(w *wallet.Wallet, tx *wire.MsgTx, q spend.Quote) (*psbt.Packet, error) {
	known := make(map[wire.OutPoint]psbt.Coin)
	for _, c := range q.Inputs {
		known[c.OutPoint] = psbt.Coin{Value: c.Value, Script: c.Script, Previous: w.Tx(c.OutPoint.Hash)}
	}
	var spent []psbt.Coin
	for _, in := range tx.TxIn {
		spent = append(spent, known[in.PreviousOutPoint])
	}
	signer, err := w.PSBTSigner()
	if err != nil {
		return nil, err
	}
	return psbt.Unsigned(tx, spent, signer.Origin)
}

func newPSBTShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show [WALLET] PSBT",
		Short: "Show what a PSBT spends and pays",
		Long: `Show what a PSBT spends and pays. With a wallet, also what of it is the wallet's;
no node is asked.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			p, err := a.readPSBT(args[len(args)-1])
			if err != nil {
				return err
			}
			var eyes psbt.Wallet = stranger{}
			if len(args) == 2 {
				w, err := a.openWallet(args[0], nil)
				if err != nil {
					return err
				}
				defer w.Close()
				if eyes, err = w.PSBTSigner(); err != nil {
					return err
				}
			}
			params, err := a.params()
			if err != nil {
				return err
			}
			s := p.Summary(eyes)
			if a.json {
				return a.print(newPSBTSummary(p, s, params))
			}
			fmt.Fprint(a.term.out, psbtText(p, s, params))
			return nil
		},
	}
}

func newPSBTSign(a *app) *cobra.Command {
	cmd := a.psbtCommand(a.signPSBT)
	cmd.Use = "sign [WALLET] PSBT"
	cmd.Short = "Sign the wallet's inputs of a PSBT"
	cmd.Long = `Sign the wallet's inputs of a PSBT and print it. No node is asked, so that it
can be done on a machine without one.

You see everything that it spends and pays, and are asked. Frozen coins are not
signed for, nor is a fee above the limits that jm wallet send has.`
	return cmd
}

// psbtCommand makes a command that takes a PSBT, a wallet and limits of the fee.
func (a *app) psbtCommand(do func(ctx context.Context, name string, p *psbt.Packet, fee feerate.Policy, yes bool) error) *cobra.Command {
	var (
		most string
		yes  bool
	)
	cmd := &cobra.Command{
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			last := len(args) - 1
			p, err := a.readPSBT(args[last])
			if err != nil {
				return err
			}
			fee, err := (&feeFlags{most: most}).policy(a)
			if err != nil {
				return err
			}
			return do(cmd.Context(), one(args[:last]), p, fee, yes)
		},
	}
	cmd.Flags().StringVar(&most, "max-fee", "", "the most to pay to miners, an `amount`, in place of a fifth of what is paid")
	cmd.Flags().BoolVar(&yes, "yes", false, "agree beforehand")
	return cmd
}

func (a *app) signPSBT(_ context.Context, name string, p *psbt.Packet, fee feerate.Policy, yes bool) error {
	w, err := a.openWallet(name, nil)
	if err != nil {
		return err
	}
	defer w.Close()
	signer, err := w.PSBTSigner()
	if err != nil {
		return err
	}
	s := p.Summary(signer)
	if err := spend.CheckPSBT(fee, s); err != nil {
		a.term.say("%s", psbtText(p, s, w.Params()))
		return spendError(err)
	}
	if err := a.agree(psbtText(p, s, w.Params()), "Sign it?", yes); err != nil {
		return err
	}
	count, err := p.Sign(signer)
	if err != nil {
		return withCode(exitFunds, err)
	}
	if count == 0 {
		return usagef("no input of it is this wallet's and in need of a signature")
	}
	a.term.say("Signed %d of %d inputs.", count, len(s.Inputs))
	return a.printPSBT(p, map[string]any{"signed": count})
}
