// Package txbuild computes transactions: sizes, fees, outputs, change and
// order. Nothing here asks a node, holds a key or keeps a state.
package txbuild

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// ScriptType is the kind of an output script.
type ScriptType string

// The script types of outputs. Inputs may be all of these but P2TR; P2SH as an
// input means nested P2WPKH, P2WSH a fidelity bond.
const (
	P2PKH  ScriptType = "p2pkh"
	P2SH   ScriptType = "p2sh-p2wpkh"
	P2WPKH ScriptType = "p2wpkh"
	P2WSH  ScriptType = "p2wsh"
	P2TR   ScriptType = "p2tr"
)

// ErrScript means that a script or a type is none that is supported here.
var ErrScript = errors.New("script type not supported")

// TypeOf returns the type of an output script, or ErrScript.
func TypeOf(script []byte) (ScriptType, error) {
	switch {
	case txscript.IsPayToPubKeyHash(script):
		return P2PKH, nil
	case txscript.IsPayToScriptHash(script):
		return P2SH, nil
	case txscript.IsPayToWitnessPubKeyHash(script):
		return P2WPKH, nil
	case txscript.IsPayToWitnessScriptHash(script):
		return P2WSH, nil
	case txscript.IsPayToTaproot(script):
		return P2TR, nil
	}
	return "", ErrScript
}

// inputSize is an input's size in bytes, outside and inside the witness, with a
// signature of 72 bytes (spec: miner fee estimation).
var inputSize = map[ScriptType]struct{ plain, witness int64 }{
	P2PKH:  {148, 0},
	P2SH:   {64, 108},
	P2WPKH: {41, 108},
	P2WSH:  {41, 116},
}

// outputSize is an output's size in bytes.
var outputSize = map[ScriptType]int64{P2PKH: 34, P2SH: 32, P2WPKH: 31, P2WSH: 43, P2TR: 43}

// VSize estimates the virtual size, in bytes, of a transaction with inputs and
// outputs of these types, with the longest signatures. The counts are taken to
// need one byte each, as the reference does; Size knows better.
func VSize(inputs, outputs []ScriptType) (int64, error) {
	plain, witness := int64(10), int64(0)
	for _, t := range inputs {
		size, ok := inputSize[t]
		if !ok {
			return 0, fmt.Errorf("%w as input: %q", ErrScript, string(t))
		}
		plain += size.plain
		if size.witness > 0 && witness == 0 {
			witness = 2 // marker and flag
		}
		witness += size.witness
	}
	for _, t := range outputs {
		size, ok := outputSize[t]
		if !ok {
			return 0, fmt.Errorf("%w as output: %q", ErrScript, string(t))
		}
		plain += size
	}
	return plain + (witness+3)/4, nil
}

// Fee is the miner fee for VSize at rate, in sat/kvB, rounded down.
func Fee(inputs, outputs []ScriptType, rate sats.Amount) (sats.Amount, error) {
	vsize, err := VSize(inputs, outputs)
	if err != nil {
		return 0, err
	}
	return FeeAt(vsize, rate)
}

// FeeAt is the fee for a size of 1 vB or more at rate, in sat/kvB, rounded down.
func FeeAt(vsize int64, rate sats.Amount) (sats.Amount, error) {
	if !rate.Valid() || int64(rate) > int64(sats.Max)/vsize {
		return 0, fmt.Errorf("fee rate %d sat/kvB: %w", rate, sats.ErrRange)
	}
	return sats.Amount(vsize * int64(rate) / 1000), nil
}

// Size is VSize of a transaction with these inputs and outputs, with as many
// bytes for their counts as it takes: from 253 on more than one.
func Size(inputs []Input, outputs []Output) (int64, error) {
	in, err := inputTypes(inputs)
	if err != nil {
		return 0, err
	}
	out, err := outputTypes(outputs)
	if err != nil {
		return 0, err
	}
	vsize, err := VSize(in, out)
	counts := wire.VarIntSerializeSize(uint64(len(in))) + wire.VarIntSerializeSize(uint64(len(out)))
	return vsize + int64(counts) - 2, err
}

// InputFee is what one more input of a type adds to a fee at rate, in sat/kvB,
// rounded up, so that the sum over all inputs is never too little.
func InputFee(t ScriptType, rate sats.Amount) (sats.Amount, error) {
	size, ok := inputSize[t]
	if !ok {
		return 0, fmt.Errorf("%w as input: %q", ErrScript, string(t))
	}
	weight := 4*size.plain + size.witness
	if !rate.Valid() || int64(rate) > int64(sats.Max)/weight {
		return 0, fmt.Errorf("fee rate %d sat/kvB: %w", rate, sats.ErrRange)
	}
	return sats.Amount((weight*int64(rate) + 3999) / 4000), nil
}

// dustLimit is the least value of an output that nodes pass on, in satoshis:
// below it, spending it would cost more than a third of it at 3 sat/vB.
var dustLimit = map[ScriptType]sats.Amount{P2PKH: 546, P2SH: 540, P2WPKH: 294, P2WSH: 330, P2TR: 330}

// DustLimit is the least that an output to a script may be worth for nodes to
// pass the transaction on, or ErrScript.
func DustLimit(script []byte) (sats.Amount, error) {
	t, err := TypeOf(script)
	return dustLimit[t], err
}
