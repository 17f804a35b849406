package spend

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func hold(cfg Config) time.Duration { return cmp.Or(cfg.Hold, DefaultHold) }

// limits refuses a quote that nodes or the user do not want.
func (cfg Config) limits(q Quote) error {
	if q.VSize > maxVSize {
		return fmt.Errorf("%w: %d vB, nodes take %d", ErrTooLarge, q.VSize, maxVSize)
	}
	moved := q.Amount
	for _, out := range q.Outputs {
		if out.Change {
			continue
		}
		least, err := txbuild.DustLimit(out.Script)
		if err != nil {
			return err
		}
		if out.Value < least {
			return fmt.Errorf("%w: %v, the least for this type of address is %v", ErrDust, out.Value, least)
		}
	}
	if moved == 0 { // everything stays in the wallet, as in a bump
		moved = q.Change()
	}
	size := q.VSize
	if q.Bump != nil && q.Bump.Child {
		size += q.Bump.VSize // which it pays for too
	}
	return cfg.Fee.Check(q.Fee, size, moved)
}

// verify makes sure that a signed transaction is the one of the quote, and
// checks the limits on its fee once more. It trusts no computation from before.
func (cfg Config) verify(tx *wire.MsgTx, q Quote) error {
	if err := matches(tx, q); err != nil {
		return err
	}
	for i, in := range tx.TxIn {
		if len(in.Witness) == 0 && len(in.SignatureScript) == 0 {
			return fmt.Errorf("%w: input %d is not signed", ErrChanged, i)
		}
	}
	return cfg.limits(q)
}

// matches compares a transaction with its quote: inputs, outputs, fee.
func matches(tx *wire.MsgTx, q Quote) error {
	differs := func(what string) error { return fmt.Errorf("%w: %s", ErrChanged, what) }
	value := make(map[wire.OutPoint]sats.Amount, len(q.Inputs))
	fee := sats.Amount(0)
	for _, c := range q.Inputs {
		value[c.OutPoint] = c.Value
	}
	if len(tx.TxIn) != len(q.Inputs) || len(value) != len(q.Inputs) {
		return differs("the number of its inputs")
	}
	for _, in := range tx.TxIn {
		v, known := value[in.PreviousOutPoint]
		if !known {
			return differs("an input")
		}
		delete(value, in.PreviousOutPoint)
		fee += v
	}
	if len(tx.TxOut) != len(q.Outputs) {
		return differs("the number of its outputs")
	}
	found := make([]bool, len(q.Outputs))
next:
	for _, out := range tx.TxOut {
		fee -= sats.Amount(out.Value)
		for i, want := range q.Outputs {
			if !found[i] && want.Script != nil && bytes.Equal(out.PkScript, want.Script) && sats.Amount(out.Value) == want.Value {
				found[i] = true
				continue next
			}
		}
		return differs("an output")
	}
	if fee != q.Fee {
		return differs(fmt.Sprintf("a fee of %v", fee))
	}
	return nil
}

// vsize is the size of a signed transaction in vB.
func vsize(tx *wire.MsgTx) int64 { return int64(tx.SerializeSizeStripped()*3+tx.SerializeSize()+3) / 4 }
