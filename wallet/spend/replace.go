package spend

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// replace sends the same payments with a higher fee (spec: fee bump tool).
// Inputs, sequence numbers, version, locktime and the order of outputs stay.
func (cfg Config) replace(ctx context.Context, r Raise, old wallet.Record, approve func(Quote) error) (Receipt, error) {
	rate, err := cfg.Fee.Draw(ctx, cfg.Node)
	if err != nil {
		return Receipt{}, err
	}
	p, err := newReplacement(old, rate)
	if err != nil {
		return Receipt{}, err
	}
	if err := p.pay(p.payers(r.Output)); err != nil {
		return Receipt{}, err
	}
	quote, err := p.quote(r)
	if err != nil {
		return Receipt{}, err
	}
	if err := cfg.limits(quote); err != nil {
		return Receipt{}, err
	}
	if err := approve(quote); err != nil {
		return Receipt{}, err
	}
	tx := p.tx()
	if err := cfg.Wallet.SignReplacement(tx, old.Spends, r.TxID); err != nil {
		return Receipt{}, err
	}
	return cfg.send(ctx, tx, quote)
}

// replacement is a transaction on the way to a higher fee.
type replacement struct {
	old     wallet.Record
	rate    sats.Amount
	inputs  []txbuild.Input
	fee     sats.Amount // of the old transaction
	vsize   int64       // likewise
	outputs []output
}

// output is one of the old transaction's.
type output struct {
	txbuild.Output
	number int // in the old transaction
	change bool
}

func newReplacement(old wallet.Record, rate sats.Amount) (*replacement, error) {
	p := &replacement{old: old, rate: rate, inputs: inputs(old.Spends)}
	var err error
	if p.fee, err = ownFee(old); err != nil {
		return nil, err
	}
	change := make(map[uint32]bool)
	for _, c := range old.Pays {
		change[c.OutPoint.Index] = c.Branch == keys.Internal
	}
	for i, out := range outputsOf(old.Tx) {
		p.outputs = append(p.outputs, output{out, i, change[uint32(i)]})
	}
	if p.vsize, err = txbuild.Size(p.inputs, outputsOf(old.Tx)); err != nil {
		return nil, err
	}
	// The least that nodes take for it, and what the rate asks for.
	least := p.fee + sats.Amount(p.vsize)*minBump/1000
	asked, err := txbuild.FeeAt(p.vsize, rate)
	if err != nil {
		return nil, err
	}
	if asked < least {
		return nil, fmt.Errorf("%w: a replacement at %s pays %v, and must pay at least %v; the least rate is %d sat/kvB",
			ErrPaysMore, sats.FeeRate(rate), asked, least, 1+int64(least)*1000/p.vsize)
	}
	return p, nil
}

// payers are the outputs that may pay, in the order in which they do: the one
// that was named; the only one, if it is the wallet's; own change.
func (p *replacement) payers(named int) (numbers []int) {
	if named != NoOutput {
		return []int{named}
	}
	if len(p.outputs) == 1 && len(p.old.Pays) == 1 {
		return []int{0}
	}
	for _, out := range p.outputs {
		if out.change {
			numbers = append(numbers, out.number)
		}
	}
	return numbers
}

// missing is what the fee lacks with the present outputs.
func (p *replacement) missing() (sats.Amount, error) {
	var outputs []txbuild.Output
	paid := sats.Amount(0)
	for _, in := range p.inputs {
		paid += in.Value
	}
	for _, out := range p.outputs {
		outputs = append(outputs, out.Output)
		paid -= out.Value
	}
	size, err := txbuild.Size(p.inputs, outputs)
	if err != nil {
		return 0, err
	}
	asked, err := txbuild.FeeAt(size, p.rate)
	return max(asked, p.fee+sats.Amount(size)*minBump/1000) - paid, err
}

// pay takes the missing fee from the payers, one after the other. One that would
// be left with dust is removed, which makes the transaction smaller; the miner
// gets the rest of it.
func (p *replacement) pay(payers []int) error {
	for _, number := range payers {
		missing, err := p.missing()
		if err != nil {
			return err
		}
		if missing <= 0 {
			return nil
		}
		at := slices.IndexFunc(p.outputs, func(out output) bool { return out.number == number })
		if out := &p.outputs[at]; out.Value-missing > txbuild.Dust {
			out.Value -= missing
			return nil
		}
		// A receiver is never left without anything, nor everybody.
		if !p.outputs[at].change || len(p.outputs) == 1 {
			continue
		}
		p.outputs = slices.Delete(p.outputs, at, at+1)
	}
	missing, err := p.missing()
	if err == nil && missing > 0 {
		err = fmt.Errorf("%w: %v are missing; ask for a lower rate, name an output that pays, or let a child pay", ErrNoPayer, missing)
	}
	return err
}

func (p *replacement) quote(r Raise) (Quote, error) {
	q := Quote{
		Inputs: p.old.Spends, Rate: p.rate,
		Bump: &Bump{TxID: r.TxID, Fee: p.fee, VSize: p.vsize, Signals: signals(p.old.Tx)},
	}
	q.Replaceable = q.Bump.Signals
	var outputs []txbuild.Output
	for _, c := range p.old.Spends {
		q.Fee += c.Value
	}
	for _, out := range p.outputs {
		outputs = append(outputs, out.Output)
		q.Outputs = append(q.Outputs, Output{out.Value, bytes.Clone(out.Script), out.change})
		q.Fee -= out.Value
		if !out.change {
			q.Amount += out.Value
		}
	}
	var err error
	q.VSize, err = txbuild.Size(p.inputs, outputs)
	return q, err
}

// tx is the transaction without signatures.
func (p *replacement) tx() *wire.MsgTx {
	tx := wire.NewMsgTx(p.old.Tx.Version)
	tx.LockTime = p.old.Tx.LockTime
	for _, in := range p.old.Tx.TxIn {
		again := wire.NewTxIn(&in.PreviousOutPoint, nil, nil)
		again.Sequence = in.Sequence
		tx.AddTxIn(again)
	}
	for _, out := range p.outputs {
		tx.AddTxOut(wire.NewTxOut(int64(out.Value), out.Script))
	}
	return tx
}

// signals reports whether a transaction says that it may be replaced (BIP125).
func signals(tx *wire.MsgTx) bool {
	return slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.Sequence <= txbuild.RBF })
}
