package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
)

func newPSBTFinalize(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "finalize PSBT",
		Short: "Turn a signed PSBT into a transaction",
		Long: `Check the signatures of a PSBT and print the transaction in hex, once all are
there; with --json the PSBT too. It is not sent.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			p, err := a.readPSBT(args[0])
			if err != nil {
				return err
			}
			tx, err := finalTx(p)
			if err != nil {
				return err
			}
			if a.json {
				return a.printPSBT(p, map[string]any{"tx": txHex(tx)})
			}
			fmt.Fprintln(a.term.out, txHex(tx))
			return nil
		},
	}
}

// finalTx finalizes a PSBT and takes the transaction out.
func finalTx(p *psbt.Packet) (*wire.MsgTx, error) {
	missing, err := p.Finalize()
	if err != nil {
		return nil, withCode(exitFailure, err)
	}
	if missing > 0 {
		return nil, withCode(exitFailure, fmt.Errorf("%w: %d inputs are not; the signer that owns them must sign first", psbt.ErrIncomplete, missing))
	}
	tx, err := p.Extract()
	return tx, withCode(exitFailure, err)
}

func newPSBTBroadcast(a *app) *cobra.Command {
	cmd := a.psbtCommand(a.broadcastPSBT)
	cmd.Use = "broadcast [WALLET] PSBT"
	cmd.Short = "Send a signed PSBT"
	cmd.Long = `Check a signed PSBT, also against the node, and send its transaction. You see
what it spends and pays, and are asked. The wallet keeps it and sends it again
until it is safe in the chain.`
	return cmd
}

func (a *app) broadcastPSBT(ctx context.Context, name string, p *psbt.Packet, fee feerate.Policy, yes bool) error {
	tx, err := finalTx(p)
	if err != nil {
		return err
	}
	w, done, err := a.openSynced(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	eyes, err := w.PSBTSigner()
	if err != nil {
		return err
	}
	s := p.Summary(eyes)
	if err := checkCoins(ctx, w, s); err != nil {
		return err
	}
	if err := spend.CheckPSBT(fee, s); err != nil {
		return spendError(err)
	}
	if err := a.agree(psbtText(p, s, w.Params()), "Send it?", yes); err != nil {
		return err
	}
	err = w.Publish(ctx, tx)
	if err != nil && !errors.Is(err, wallet.ErrKept) {
		return spendError(err)
	}
	size := int64(tx.SerializeSizeStripped()*3+tx.SerializeSize()+3) / 4
	if a.json {
		doc := newPSBTSummary(p, s, w.Params())
		doc.TxID, doc.Tx, doc.Sent, doc.VSize = tx.TxID(), txHex(tx), err == nil, size
		if err := a.print(doc); err != nil {
			return err
		}
	} else if printErr := a.printReceipt(&receipt{
		TxID: tx.TxID(), Sent: err == nil, Fee: s.Fee, VSize: size, Rate: s.Fee * 1000 / sats.Amount(size),
	}); printErr != nil {
		return printErr
	}
	return spendError(err)
}

// checkCoins compares what a PSBT says of its coins with the node.
func checkCoins(ctx context.Context, w *wallet.Wallet, s psbt.Summary) error {
	for i, in := range s.Inputs {
		out, err := w.Chain().TxOut(ctx, in.OutPoint)
		switch {
		case errors.Is(err, chain.ErrNoTxOut):
			return withCode(exitFunds, fmt.Errorf("input %d: %w, or the transaction was sent already", i, err))
		case err != nil:
			return nodeError(err)
		case !in.Told || out.Value != in.Value || !bytes.Equal(out.Script, in.Script):
			return withCode(exitFailure, fmt.Errorf("input %d: %w: the node knows it otherwise", i, psbt.ErrCoin))
		}
	}
	return nil
}
