package txbuild

import (
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Dust is the network's dust constant in satoshis: change of at most this is
// left to the miner.
const Dust sats.Amount = 2730

// Values of nSequence. NoRBF keeps the locktime in force and does not signal
// replacement, as CoinJoins do; RBF signals it.
const (
	NoRBF uint32 = 0xfffffffe
	RBF   uint32 = 0xfffffffd
)

// Errors of the builders.
var (
	// ErrFunds: inputs do not cover outputs and fee.
	ErrFunds = errors.New("inputs do not cover payment and fees")
	// ErrConflict: an outpoint or an output script occurs twice.
	ErrConflict = errors.New("an input or an output script occurs twice")
)

// Input is a coin to spend.
type Input struct {
	OutPoint wire.OutPoint
	Value    sats.Amount
	Script   []byte // of the output it spends
}

// Output is a payment.
type Output struct {
	Value  sats.Amount
	Script []byte
}

// Tx is a transaction without signatures, and what it comes to.
type Tx struct {
	Msg    *wire.MsgTx
	Fee    sats.Amount // inputs minus outputs, to the satoshi
	Needed sats.Amount // what the fee should be at the rate asked for
	Change sats.Amount // own change; 0 without such an output
	VSize  int64       // in vB, estimated for when it is signed
}

// LockTime returns the nLockTime for a transaction made at a block height: the
// height itself, and in one of ten cases up to 99 blocks less, at least 1
// (against fee sniping, and the habit of the network).
func LockTime(height int32) uint32 {
	if random.N(10) == 0 {
		height -= random.N(int32(100))
	}
	return uint32(max(1, height))
}

// assemble writes version, inputs and outputs, each in a random order.
func assemble(inputs []Input, outputs []Output, sequence, lockTime uint32) *wire.MsgTx {
	msg := wire.NewMsgTx(2)
	msg.LockTime = lockTime
	for _, in := range inputs {
		txIn := wire.NewTxIn(&in.OutPoint, nil, nil)
		txIn.Sequence = sequence
		msg.AddTxIn(txIn)
	}
	for _, out := range outputs {
		msg.AddTxOut(wire.NewTxOut(int64(out.Value), out.Script))
	}
	random.Shuffle(msg.TxIn)
	random.Shuffle(msg.TxOut)
	return msg
}

// distinct returns ErrConflict when two inputs spend one coin or two outputs
// pay one script.
func distinct(inputs []Input, outputs []Output) error {
	coins, scripts := map[wire.OutPoint]bool{}, map[string]bool{}
	for _, in := range inputs {
		coins[in.OutPoint] = true
	}
	for _, out := range outputs {
		scripts[string(out.Script)] = true
	}
	if len(coins) != len(inputs) || len(scripts) != len(outputs) {
		return ErrConflict
	}
	return nil
}

func inputTypes(inputs []Input) ([]ScriptType, error) {
	var types []ScriptType
	for _, in := range inputs {
		t, err := TypeOf(in.Script)
		if err != nil {
			return nil, err
		}
		types = append(types, t)
	}
	return types, nil
}

func outputTypes(outputs []Output) ([]ScriptType, error) {
	var types []ScriptType
	for _, out := range outputs {
		t, err := TypeOf(out.Script)
		if err != nil {
			return nil, err
		}
		types = append(types, t)
	}
	return types, nil
}

// feeOf is the fee for given inputs and outputs.
func feeOf(inputs []Input, outputs []Output, rate sats.Amount) (sats.Amount, error) {
	vsize, err := Size(inputs, outputs)
	if err != nil {
		return 0, err
	}
	return FeeAt(vsize, rate)
}

func sumInputs(inputs []Input) (sats.Amount, error) {
	var values []sats.Amount
	for _, in := range inputs {
		values = append(values, in.Value)
	}
	return sats.Sum(values...)
}

func sumOutputs(outputs []Output) (sats.Amount, error) {
	var values []sats.Amount
	for _, out := range outputs {
		values = append(values, out.Value)
	}
	return sats.Sum(values...)
}

// finish adds the change to outputs: what is left of the inputs after outputs
// and the fee, if it is more than Dust. Without a change script everything left
// is fee. needed is what the fee should be with some outputs, contributed how much
// of it others pay already, by taking that much less out.
func finish(inputs []Input, outputs []Output, change []byte, needed func([]Output) (sats.Amount, error), contributed sats.Amount,
	sequence, lockTime uint32) (*Tx, error) {
	in, err := sumInputs(inputs)
	if err != nil {
		return nil, fmt.Errorf("inputs: %w", err)
	}
	out, err := sumOutputs(outputs)
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	tx := &Tx{Fee: in - out}
	if change != nil {
		with := append(slices.Clone(outputs), Output{Script: change})
		if tx.Needed, err = needed(with); err != nil {
			return nil, err
		}
		// The remainder is measured against the fee with change, as the
		// reference does, also when it is then too small to be kept.
		if left := tx.Fee - max(tx.Needed, contributed); left > Dust {
			tx.Change, tx.Fee = left, tx.Fee-left
			with[len(outputs)].Value, outputs = left, with
		} else if left < 0 {
			return nil, fmt.Errorf("%w: %v missing", ErrFunds, -left)
		}
	}
	if tx.Change == 0 {
		if tx.Needed, err = needed(outputs); err != nil {
			return nil, err
		}
	}
	if tx.Fee < 0 {
		return nil, fmt.Errorf("%w: %v missing", ErrFunds, -tx.Fee)
	}
	if err := distinct(inputs, outputs); err != nil {
		return nil, err
	}
	if tx.VSize, err = Size(inputs, outputs); err != nil {
		return nil, err
	}
	tx.Msg = assemble(inputs, outputs, sequence, lockTime)
	return tx, nil
}
