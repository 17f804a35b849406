// Package txsign signs inputs of a transaction and checks the signatures of
// others against one's own copy of it. Inputs are P2WPKH, and the only hash
// type is SIGHASH_ALL: whoever signs otherwise leaves the transaction open to
// changes.
package txsign

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Errors of this package.
var (
	// ErrInput: the transaction has no such input, or its script is not P2WPKH.
	ErrInput = errors.New("cannot sign this input")
	// ErrKey: the key does not own the output that the input spends.
	ErrKey = errors.New("key does not own the coin")
	// ErrSignature: the signature is not valid for this input.
	ErrSignature = errors.New("signature is not valid")
)

// PrevOut is the output that an input spends, as known from one's own records
// or node, never from a peer.
type PrevOut struct {
	Value  sats.Amount
	Script []byte
}

// Sign adds the witness of one input: signature (RFC 6979, low S, no grinding
// for a low R, as the reference signs) and public key. It runs the script
// before it returns, so that what it leaves in tx is valid.
func Sign(tx *wire.MsgTx, input int, prev PrevOut, key *btcec.PrivateKey) error {
	if input < 0 || input >= len(tx.TxIn) || !txscript.IsPayToWitnessPubKeyHash(prev.Script) {
		return ErrInput
	}
	fetcher := txscript.NewCannedPrevOutputFetcher(prev.Script, int64(prev.Value))
	signature, err := txscript.RawTxInWitnessSignature(tx, txscript.NewTxSigHashes(tx, fetcher), input,
		int64(prev.Value), prev.Script, txscript.SigHashAll, key)
	if err != nil {
		return fmt.Errorf("signing input %d: %w", input, err)
	}
	return Pushes{signature, key.PubKey().SerializeCompressed()}.Place(tx, input, prev)
}

// Place puts a signature into the witness of an input if it is valid there: its
// hash type is SIGHASH_ALL, and the script accepts it under all rules that
// nodes apply before they pass a transaction on, strict DER and low S among
// them. On an error tx is unchanged.
func (p Pushes) Place(tx *wire.MsgTx, input int, prev PrevOut) error {
	switch {
	case input < 0 || input >= len(tx.TxIn) || !txscript.IsPayToWitnessPubKeyHash(prev.Script):
		return ErrInput
	case !bytes.Equal(prev.Script[2:], address.Hash160(p.PubKey)):
		return ErrKey
	case len(p.Signature) == 0 || p.Signature[len(p.Signature)-1] != byte(txscript.SigHashAll):
		return fmt.Errorf("%w: its hash type is not SIGHASH_ALL", ErrSignature)
	}
	before := *tx.TxIn[input]
	tx.TxIn[input].SignatureScript = nil
	tx.TxIn[input].Witness = wire.TxWitness{p.Signature, p.PubKey}

	fetcher := txscript.NewCannedPrevOutputFetcher(prev.Script, int64(prev.Value))
	engine, err := txscript.NewEngine(prev.Script, tx, input, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(tx, fetcher), int64(prev.Value), fetcher)
	if err == nil {
		err = engine.Execute()
	}
	if err != nil {
		*tx.TxIn[input] = before
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}
