package psbt

import (
	"bytes"
	"crypto/sha256"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// lock is an output script with what opens it but the signature.
type lock struct {
	kind    txbuild.ScriptType // P2PKH, P2SH (nested P2WPKH), P2WPKH or P2WSH (timelocked)
	script  []byte
	pubKey  []byte
	witness []byte // script of a P2WSH, nil otherwise
}

// lockOf returns the lock if this key, with this witness script for P2WSH, is
// the one of the output script.
func lockOf(script, pubKey, witness []byte) (lock, bool) {
	if len(pubKey) != btcec.PubKeyBytesLenCompressed {
		return lock{}, false
	}
	kind, err := txbuild.TypeOf(script)
	if err != nil {
		return lock{}, false
	}
	l := lock{kind: kind, script: script, pubKey: pubKey}
	fits := false
	switch kind {
	case txbuild.P2PKH:
		fits = bytes.Equal(script[3:23], address.Hash160(pubKey))
	case txbuild.P2WPKH:
		fits = bytes.Equal(script, program(pubKey))
	case txbuild.P2SH:
		fits = bytes.Equal(script[2:22], address.Hash160(l.redeem()))
	case txbuild.P2WSH:
		hash := sha256.Sum256(witness)
		l.witness = witness
		fits = bytes.Equal(script[2:], hash[:]) && bytes.Equal(timelockKey(witness), pubKey)
	}
	return l, fits
}

// program is the output script of P2WPKH.
func program(pubKey []byte) []byte {
	return append([]byte{txscript.OP_0, txscript.OP_DATA_20}, address.Hash160(pubKey)...)
}

// timelockKey returns the public key of
// <locktime> CHECKLOCKTIMEVERIFY DROP <key> CHECKSIG, nil of any other script.
// The locktime takes 4 or 5 bytes, as every one of a fidelity bond does.
func timelockKey(script []byte) (key []byte) {
	tokens := txscript.MakeScriptTokenizer(0, script)
	var ops []byte
	for len(ops) <= 5 && tokens.Next() {
		ops = append(ops, tokens.Opcode())
		if len(ops) == 4 {
			key = tokens.Data()
		}
	}
	for _, push := range []byte{txscript.OP_DATA_4, txscript.OP_DATA_5} {
		form := []byte{push, txscript.OP_CHECKLOCKTIMEVERIFY, txscript.OP_DROP, txscript.OP_DATA_33, txscript.OP_CHECKSIG}
		if tokens.Err() == nil && tokens.Done() && bytes.Equal(ops, form) {
			return key
		}
	}
	return nil
}

// redeem is the script that a nested output hides, nil for other types.
func (l lock) redeem() []byte {
	if l.kind != txbuild.P2SH {
		return nil
	}
	return program(l.pubKey)
}

// hash is what the key signs for input i.
func (l lock) hash(tx *wire.MsgTx, i int, value int64, hashes *txscript.TxSigHashes) ([]byte, error) {
	switch l.kind {
	case txbuild.P2PKH:
		return txscript.CalcSignatureHash(l.script, txscript.SigHashAll, tx, i)
	case txbuild.P2WSH:
		return txscript.CalcWitnessSigHash(l.witness, hashes, txscript.SigHashAll, tx, i, value)
	default:
		return txscript.CalcWitnessSigHash(program(l.pubKey), hashes, txscript.SigHashAll, tx, i, value)
	}
}

// open fills in an input with a signature that ends in its hash type.
func (l lock) open(in *wire.TxIn, signature []byte) error {
	script := txscript.NewScriptBuilder()
	in.Witness = wire.TxWitness{signature, l.pubKey}
	switch l.kind {
	case txbuild.P2PKH:
		in.Witness = nil
		script.AddData(signature).AddData(l.pubKey)
	case txbuild.P2SH:
		script.AddData(l.redeem())
	case txbuild.P2WSH:
		in.Witness[1] = l.witness
	}
	var err error
	in.SignatureScript, err = script.Script()
	return err
}
