// Package txbuild computes transactions: sizes, fees, outputs, change and
// order. Nothing here asks a node, holds a key or keeps a state.
package txbuild

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"

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
// outputs of these types. The counts are taken to need one byte each, as the
// reference does; from 253 inputs on that is a few bytes too little.
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
	if !rate.Valid() || int64(rate) > int64(sats.Max)/vsize {
		return 0, fmt.Errorf("fee rate %d sat/kvB: %w", rate, sats.ErrRange)
	}
	return sats.Amount(vsize * int64(rate) / 1000), nil
}
