package psbt

import (
	"bytes"
	"fmt"

	lib "github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// isFinal reports whether an input has its final script or witness.
func isFinal(in *lib.PInput) bool { return in.FinalScriptSig != nil || in.FinalScriptWitness != nil }

// Finalize turns the signatures of each input of a supported type into its
// final script and witness, and returns how many inputs are not final then. A
// signature of the right key that is not valid is ErrSignature, one with another
// hash type ErrSigHash, an input that does not tell what it spends ErrCoin; then
// nothing is changed.
func (p *Packet) Finalize() (missing int, err error) {
	v, err := p.verifier()
	if err != nil {
		return 0, err
	}
	final := make(map[int]lib.PInput)
	for i := range p.raw.Inputs {
		in := &p.raw.Inputs[i]
		if isFinal(in) {
			continue
		}
		l, signature := p.signatureOf(i)
		if signature == nil {
			missing++
			continue
		}
		if signature[len(signature)-1] != byte(txscript.SigHashAll) {
			return 0, fmt.Errorf("input %d: %w", i, ErrSigHash)
		}
		if err := v.try(i, l, signature); err != nil {
			return 0, fmt.Errorf("input %d: %w", i, err)
		}
		done := lib.PInput{NonWitnessUtxo: in.NonWitnessUtxo, WitnessUtxo: in.WitnessUtxo, Unknowns: in.Unknowns}
		if script := v.tx.TxIn[i].SignatureScript; len(script) > 0 {
			done.FinalScriptSig = script
		}
		if witness := v.tx.TxIn[i].Witness; len(witness) > 0 {
			var buf bytes.Buffer
			if err := lib.WriteTxWitness(&buf, witness); err != nil {
				return 0, fmt.Errorf("input %d: %w", i, err)
			}
			done.FinalScriptWitness = buf.Bytes()
		}
		final[i] = done
	}
	for i, done := range final {
		p.raw.Inputs[i] = done
	}
	return missing, nil
}

// signatureOf finds the signature by the one key of input i; nil without it.
func (p *Packet) signatureOf(i int) (lock, []byte) {
	in := &p.raw.Inputs[i]
	for _, ps := range in.PartialSigs {
		if l, fits := lockOf(p.coins[i].out.PkScript, ps.PubKey, in.WitnessScript); fits {
			return l, ps.Signature
		}
	}
	return lock{}, nil
}

// Extract returns the transaction, ready for the network, once every input is
// final (ErrIncomplete). It runs the script of every input, also of types that
// are not signed here, against what the PSBT says that it spends (ErrSignature,
// ErrCoin).
func (p *Packet) Extract() (*wire.MsgTx, error) {
	if !p.raw.IsComplete() {
		return nil, ErrIncomplete
	}
	v, err := p.verifier()
	if err != nil {
		return nil, err
	}
	if v.tx, err = lib.Extract(p.raw); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for i := range v.tx.TxIn {
		if err := v.run(i); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	return v.tx, nil
}
