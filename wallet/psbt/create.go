package psbt

import (
	"encoding/binary"
	"fmt"

	lib "github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Coin is what an input of a new PSBT spends.
type Coin struct {
	Value  sats.Amount
	Script []byte
	// Previous is the whole transaction that paid it. P2PKH needs it; with it a
	// signer can be sure of the value of the other types too. Nil if unknown.
	Previous *wire.MsgTx
}

// Unsigned makes a PSBT of a transaction without signatures, whose inputs spend
// coins in the same order. Own inputs and outputs, as origin tells them, get
// their key, path and scripts, so that a signer finds its keys and recognises
// change; a nil origin knows none. Inputs are P2PKH, nested or native P2WPKH, or
// timelocked P2WSH of an own key; others are txbuild.ErrScript. It returns also
// ErrCoin, ErrNoPrevious, ErrOrigin, and what Parse returns.
func Unsigned(tx *wire.MsgTx, coins []Coin, origin func(script []byte) (Origin, bool)) (*Packet, error) {
	if len(coins) != len(tx.TxIn) {
		return nil, fmt.Errorf("%w: %d coins for %d inputs", ErrCoin, len(coins), len(tx.TxIn))
	}
	raw, err := lib.NewFromUnsignedTx(tx.Copy())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for i, c := range coins {
		if err := describeInput(&raw.Inputs[i], c, origin); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	for i, out := range raw.UnsignedTx.TxOut {
		o, l, err := own(origin, out.PkScript)
		if err != nil {
			return nil, fmt.Errorf("output %d: %w", i, err)
		}
		raw.Outputs[i] = lib.POutput{RedeemScript: l.redeem(), WitnessScript: l.witness, Bip32Derivation: o.derivation()}
	}
	p, err := load(raw)
	if err != nil {
		return nil, err
	}
	// What nobody could read must not leave.
	written, err := p.Bytes()
	if err != nil {
		return nil, err
	}
	return Parse(written)
}

func describeInput(in *lib.PInput, c Coin, origin func([]byte) (Origin, bool)) error {
	kind, err := txbuild.TypeOf(c.Script)
	if err != nil || kind == txbuild.P2TR {
		return fmt.Errorf("%w as input of a PSBT", txbuild.ErrScript)
	}
	in.NonWitnessUtxo = c.Previous
	out := wire.NewTxOut(int64(c.Value), c.Script)
	if kind != txbuild.P2PKH {
		in.WitnessUtxo = out
	} else if c.Previous == nil {
		return ErrNoPrevious
	}
	o, l, err := own(origin, c.Script)
	if err != nil {
		return err
	}
	if kind == txbuild.P2WSH && l.witness == nil {
		return fmt.Errorf("%w: nobody knows the script of a P2WSH coin", ErrOrigin)
	}
	in.RedeemScript, in.WitnessScript, in.Bip32Derivation = l.redeem(), l.witness, o.derivation()
	return nil
}

// own asks origin about a script and makes sure that the answer fits. Both are
// empty for a script of somebody else.
func own(origin func([]byte) (Origin, bool), script []byte) (Origin, lock, error) {
	if origin == nil {
		return Origin{}, lock{}, nil
	}
	o, ok := origin(script)
	if !ok {
		return Origin{}, lock{}, nil
	}
	l, fits := lockOf(script, o.PubKey, o.Witness)
	if !fits {
		return Origin{}, lock{}, ErrOrigin
	}
	return o, l, nil
}

// derivation writes the path of a key as a PSBT has it.
func (o Origin) derivation() []*lib.Bip32Derivation {
	if len(o.Path) == 0 {
		return nil
	}
	return []*lib.Bip32Derivation{{
		PubKey:               o.PubKey,
		MasterKeyFingerprint: binary.LittleEndian.Uint32(o.Fingerprint[:]),
		Bip32Path:            o.Path,
	}}
}
