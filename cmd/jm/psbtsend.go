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
	checked, err := checkCoins(ctx, w, s)
	if err != nil {
		return err
	}
	if err := spend.CheckPSBT(fee, s); err != nil {
		return spendError(err)
	}
	if err := a.agree(psbtText(p, s, w.Params())+uncheckedText(checked), "Send it?", yes); err != nil {
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
		for i := range doc.Inputs {
			doc.Inputs[i].Checked = &checked[i]
		}
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

// checkCoins compares what a PSBT says of its coins with the node, and returns
// for each whether that could be done: a light client knows those of the wallet
// only. Whose signature is bound to a lie about the others loses nothing of ours:
// the transaction is not mined.
func checkCoins(ctx context.Context, w *wallet.Wallet, s psbt.Summary) ([]bool, error) {
	checked := make([]bool, len(s.Inputs))
	for i, in := range s.Inputs {
		out, err := w.Chain().TxOut(ctx, in.OutPoint)
		switch {
		case errors.Is(err, chain.ErrNoTxOut):
			return nil, withCode(exitFunds, fmt.Errorf("input %d: %w, or the transaction was sent already", i, err))
		case errors.Is(err, chain.ErrCannotVerify) && in.Origin != nil:
			return nil, withCode(exitFunds, fmt.Errorf("input %d: the light client does not see this coin of the wallet; wait until it is in a block", i))
		case errors.Is(err, chain.ErrCannotVerify) && in.Told:
			continue
		case err != nil:
			return nil, nodeError(err)
		case !in.Told || out.Value != in.Value || !bytes.Equal(out.Script, in.Script):
			return nil, withCode(exitFailure, fmt.Errorf("input %d: %w: the node knows it otherwise", i, psbt.ErrCoin))
		}
		checked[i] = true
	}
	return checked, nil
}

// uncheckedText warns of coins that could not be checked.
func uncheckedText(checked []bool) string {
	count := 0
	for _, is := range checked {
		if !is {
			count++
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("    NOTE: %d inputs are not yours. A light client cannot check that these coins are there and\n"+
		"    unspent. If they are not, this is never mined; free your own coins then: jm wallet pending forget.\n", count)
}
