package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// receipt is a payment as `jm wallet send --json` and its relatives print it.
// Amounts are whole satoshis, rates sat/kvB.
type receipt struct {
	TxID    string          `json:"txid,omitempty"`
	Tx      string          `json:"tx,omitempty"` // hex
	Sent    bool            `json:"sent"`         // false: signed and kept, to be sent later
	PSBT    string          `json:"psbt,omitempty"`
	Amount  sats.Amount     `json:"amount"` // of the receivers
	Fee     sats.Amount     `json:"fee"`
	Rate    sats.Amount     `json:"fee_rate"`        // of the transaction; with a child, of the package
	Quoted  int64           `json:"quoted_vsize"`    // vB
	VSize   int64           `json:"vsize,omitempty"` // vB, of the signed transaction
	Inputs  []receiptCoin   `json:"inputs"`
	Outputs []receiptOutput `json:"outputs"`
	Change  sats.Amount     `json:"change"`
	Bump    *receiptBump    `json:"bump,omitempty"`
}

type receiptCoin struct {
	OutPoint string      `json:"outpoint"`
	Value    sats.Amount `json:"value"`
	Mixdepth int         `json:"mixdepth"`
	Path     string      `json:"path"`
}

type receiptOutput struct {
	Address string      `json:"address"`
	Value   sats.Amount `json:"value"`
	Change  bool        `json:"change"`
}

type receiptBump struct {
	TxID   string      `json:"txid"`
	Method string      `json:"method"` // replace or child
	Fee    sats.Amount `json:"fee"`    // of the transaction; with a child, of all before it
	VSize  int64       `json:"vsize"`
	Rate   sats.Amount `json:"fee_rate"`
}

func newReceipt(w *wallet.Wallet, q spend.Quote) *receipt {
	r := &receipt{Amount: q.Amount, Fee: q.Fee, Rate: q.EffectiveRate(), Quoted: q.VSize, Change: q.Change()}
	for _, c := range q.Inputs {
		r.Inputs = append(r.Inputs, receiptCoin{c.OutPoint.String(), c.Value, c.Mixdepth, w.PathText(c.Path())})
	}
	for _, out := range q.Outputs {
		address, _ := txbuild.FormatAddress(out.Script, w.Params()) // each was an address before
		r.Outputs = append(r.Outputs, receiptOutput{address, out.Value, out.Change})
	}
	if b := q.Bump; b != nil {
		r.Bump = &receiptBump{b.TxID.String(), "replace", b.Fee, b.VSize, q.OldRate()}
		if b.Child {
			r.Bump.Method = "child"
		}
	}
	return r
}

// signed adds the transaction as it was sent or kept.
func (r *receipt) signed(tx *wire.MsgTx, size int64, sent bool) {
	r.TxID, r.Tx, r.VSize, r.Sent = tx.TxID(), txHex(tx), size, sent
}

func txHex(tx *wire.MsgTx) string {
	var raw bytes.Buffer
	if tx.Serialize(&raw) != nil { // a buffer takes everything
		return ""
	}
	return hex.EncodeToString(raw.Bytes())
}

// spendQuote shows inputs, outputs and the fee before anything is signed.
func spendQuote(w *wallet.Wallet, q spend.Quote) string {
	var b strings.Builder
	row := func(what, format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("    %-7s"+format, append([]any{what}, args...)...), " ") + "\n")
	}
	tip, _ := w.Synced()
	for _, c := range q.Inputs {
		row("from", "%16s BTC   %s (mixdepth %d, %d conf.)", c.Value.BTC(), c.OutPoint, c.Mixdepth, c.Confirmations(tip.Height))
	}
	for _, out := range q.Outputs {
		if out.Change && out.Script == nil {
			what := "change"
			if q.Amount == 0 && q.Bump == nil { // it is all that there is
				what = "to"
			}
			row(what, "%16s BTC   a new address of the wallet", out.Value.BTC())
			continue
		}
		address, _ := txbuild.FormatAddress(out.Script, w.Params())
		what := "to"
		if out.Change {
			what = "change"
		}
		row(what, "%16s BTC   %s", out.Value.BTC(), address)
	}
	row("fee", "%16s BTC   %d vB at %s", q.Fee.BTC(), q.VSize, perVByte(q.Fee*1000/sats.Amount(q.VSize)))
	if q.Amount > 0 {
		share := (q.Fee*10000 + q.Amount - 1) / q.Amount // in hundredths of a percent, rounded up
		row("total", "%16s BTC   the fee is %d.%02d %% of the amount", (q.Amount + q.Fee).BTC(), share/100, share%100)
	}
	for _, note := range slices.Concat(spendNotes(q), bondFundingNotes(w, q), reuseNotes(w, q)) {
		row("", "%s", note)
	}
	return b.String()
}

// spendNotes say what cannot be seen from the numbers.
func spendNotes(q spend.Quote) (notes []string) {
	if mixdepths := q.Mixdepths(); len(mixdepths) > 1 {
		notes = append(notes, fmt.Sprintf("NOTE: this joins coins of the mixdepths %s. Everybody can see from then on that they have one owner,",
			strings.Trim(fmt.Sprint(mixdepths), "[]")), "and what CoinJoins had set apart is together again.")
	} else if len(q.Inputs) > 1 && (q.Bump == nil || q.Bump.Child) {
		notes = append(notes, fmt.Sprintf("Everybody can see that these %d coins have one owner.", len(q.Inputs)))
	}
	if q.Bump == nil {
		if q.Replaceable {
			notes = append(notes, "The fee can be raised later: jm wallet bumpfee TXID")
		}
		if over := q.Fee - q.Rate*sats.Amount(q.VSize)/1000; over > 0 {
			notes = append(notes, fmt.Sprintf("%v of the fee would be change too small to be worth keeping.", over))
		}
	}
	return notes
}

// perVByte writes a rate of sat/kvB with all its digits.
func perVByte(rate sats.Amount) string { return fmt.Sprintf("%d.%03d sat/vB", rate/1000, rate%1000) }
