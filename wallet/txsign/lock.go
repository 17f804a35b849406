package txsign

import (
	"bytes"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Lock is an output script with everything that opens it but the signature.
type Lock struct {
	Kind   txbuild.ScriptType // P2PKH, P2SH (nested P2WPKH), P2WPKH or P2WSH (fidelity bond)
	Script []byte
	PubKey []byte // 33 bytes; of P2PKH possibly 65
	Redeem []byte // script that the output hides; nil unless P2SH or P2WSH
}

// LockOf returns the lock of an output script, if it is the one of this public
// key: ErrInput for a script of another type, ErrKey for another key. redeem is
// the script that a P2WSH output hides; other types need none.
func LockOf(script, pubKey, redeem []byte) (Lock, error) {
	kind, err := txbuild.TypeOf(script)
	if err != nil {
		return Lock{}, fmt.Errorf("%w: %w", ErrInput, err)
	}
	lock := Lock{Kind: kind, Script: script, PubKey: pubKey}
	switch kind {
	case txbuild.P2PKH, txbuild.P2SH, txbuild.P2WPKH:
		if own, err := kind.Script(pubKey); err != nil || !bytes.Equal(own, script) {
			return Lock{}, ErrKey
		}
		if kind == txbuild.P2SH {
			lock.Redeem = txbuild.Program(pubKey)
		}
	case txbuild.P2WSH:
		if !bytes.Equal(bond.Script(redeem), script) {
			return Lock{}, fmt.Errorf("%w: it hides another script", ErrInput)
		}
		_, owner, err := bond.ParseRedeem(redeem)
		if err != nil {
			return Lock{}, fmt.Errorf("%w: %w", ErrInput, err)
		}
		if !bytes.Equal(owner[:], pubKey) {
			return Lock{}, ErrKey
		}
		lock.Redeem = redeem
	default:
		return Lock{}, fmt.Errorf("%w: of type %s", ErrInput, kind)
	}
	return lock, nil
}

// lockOf is LockOf for a private key, whose public key P2PKH outputs of old
// wallets have in its uncompressed form.
func lockOf(prev PrevOut, key *btcec.PrivateKey) (Lock, error) {
	lock, err := LockOf(prev.Script, key.PubKey().SerializeCompressed(), prev.Redeem)
	if err != nil && txscript.IsPayToPubKeyHash(prev.Script) {
		return LockOf(prev.Script, key.PubKey().SerializeUncompressed(), nil)
	}
	return lock, err
}

// Hash returns what the key signs for an input of tx that spends value
// satoshis, SIGHASH_ALL. hashes are those of tx; P2PKH does without.
func (l Lock) Hash(tx *wire.MsgTx, input int, value int64, hashes *txscript.TxSigHashes) ([]byte, error) {
	switch l.Kind {
	case txbuild.P2PKH:
		return txscript.CalcSignatureHash(l.Script, txscript.SigHashAll, tx, input)
	case txbuild.P2WSH:
		return txscript.CalcWitnessSigHash(l.Redeem, hashes, txscript.SigHashAll, tx, input, value)
	default:
		return txscript.CalcWitnessSigHash(txbuild.Program(l.PubKey), hashes, txscript.SigHashAll, tx, input, value)
	}
}

// Open fills in an input with a signature, hash type at its end, unchecked.
func (l Lock) Open(in *wire.TxIn, signature []byte) {
	in.SignatureScript, in.Witness = nil, wire.TxWitness{signature, l.PubKey}
	switch l.Kind {
	case txbuild.P2PKH:
		in.SignatureScript, in.Witness = pushAll(signature, l.PubKey), nil
	case txbuild.P2SH:
		in.SignatureScript = pushAll(l.Redeem)
	case txbuild.P2WSH:
		in.Witness[1] = l.Redeem
	}
}
