// Package txsign signs inputs of a transaction and checks the signatures of
// others against one's own copy of it. Inputs are P2PKH, nested P2WPKH, P2WPKH
// and fidelity bonds in P2WSH, and the only hash type is SIGHASH_ALL: whoever
// signs otherwise leaves the transaction open to changes.
package txsign

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Errors of this package.
var (
	// ErrInput: the transaction has no such input, or it spends a script of a
	// type that is not signed here.
	ErrInput = errors.New("cannot sign this input")
	// ErrKey: the key does not own the output that the input spends.
	ErrKey = errors.New("key does not own the coin")
	// ErrSignature: the signature is not valid for this input.
	ErrSignature = errors.New("signature is not valid")
	// ErrLockTime: the transaction's nLockTime is before the end of the
	// fidelity bond that it spends, or a sequence number disables it.
	ErrLockTime = errors.New("the transaction's lock time does not reach the end of the fidelity bond")
)

// PrevOut is the output that an input spends, as known from one's own records
// or node, never from a peer.
type PrevOut struct {
	Value  sats.Amount
	Script []byte
	Redeem []byte // what a P2WSH output hides; nil for other types
}

// Sign signs one input: RFC 6979, low S, no grinding for a low R, as the
// reference signs. It runs the script before it returns, so that what it leaves
// in tx is valid. On an error tx is unchanged.
func Sign(tx *wire.MsgTx, input int, prev PrevOut, key *btcec.PrivateKey) error {
	if input < 0 || input >= len(tx.TxIn) {
		return ErrInput
	}
	lock, err := lockOf(prev, key)
	if err != nil {
		return err
	}
	hashes := txscript.NewTxSigHashes(tx, prev.fetcher())
	hash, err := lock.Hash(tx, input, int64(prev.Value), hashes)
	if err != nil {
		return fmt.Errorf("signing input %d: %w", input, err)
	}
	signature := append(ecdsa.Sign(key, hash).Serialize(), byte(txscript.SigHashAll))
	return prev.open(tx, input, lock, signature)
}

// Place puts a signature into an input if it is valid there: its hash type is
// SIGHASH_ALL, and the script accepts it under all rules that nodes apply before
// they pass a transaction on, strict DER and low S among them. The input may be
// of any type but P2WSH. On an error tx is unchanged.
func (p Pushes) Place(tx *wire.MsgTx, input int, prev PrevOut) error {
	if input < 0 || input >= len(tx.TxIn) {
		return ErrInput
	}
	lock, err := LockOf(prev.Script, p.PubKey, nil)
	if err != nil {
		return err
	}
	if len(p.Signature) == 0 || p.Signature[len(p.Signature)-1] != byte(txscript.SigHashAll) {
		return fmt.Errorf("%w: its hash type is not SIGHASH_ALL", ErrSignature)
	}
	return prev.open(tx, input, lock, p.Signature)
}

// open fills in an input and runs its script; if that fails, the input is as it
// was.
func (p PrevOut) open(tx *wire.MsgTx, input int, lock Lock, signature []byte) error {
	before := *tx.TxIn[input]
	lock.Open(tx.TxIn[input], signature)

	fetcher := p.fetcher()
	engine, err := txscript.NewEngine(p.Script, tx, input, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(tx, fetcher), int64(p.Value), fetcher)
	if err == nil {
		err = engine.Execute()
	}
	switch {
	case err == nil:
		return nil
	case txscript.IsErrorCode(err, txscript.ErrUnsatisfiedLockTime):
		err = fmt.Errorf("%w: %w", ErrLockTime, err)
	default:
		err = fmt.Errorf("%w: %w", ErrSignature, err)
	}
	*tx.TxIn[input] = before
	return err
}

func (p PrevOut) fetcher() txscript.PrevOutputFetcher {
	return txscript.NewCannedPrevOutputFetcher(p.Script, int64(p.Value))
}
