package psbt

import (
	"bytes"
	"fmt"
	"slices"

	lib "github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Signer is a wallet with its keys.
type Signer interface {
	Wallet
	// SignHash signs a hash with the key of an own output script: strict DER,
	// low S, without hash type.
	SignHash(script []byte, hash [32]byte) ([]byte, error)
}

// Sign adds a signature to every input of the wallet that is not final, and
// returns how many these are. Either all are signed or none: a refused coin is
// ErrRefused, a request for another hash type ErrSigHash. All inputs must tell
// what they spend (ErrCoin), those of P2PKH with proof (ErrNoPrevious). Each
// signature is verified before it is added.
func (p *Packet) Sign(s Signer) (int, error) {
	v, err := p.verifier()
	if err != nil {
		return 0, err
	}
	type mine struct {
		input     int
		lock      lock
		signature []byte
	}
	var all []mine
	for i := range p.coins {
		if isFinal(&p.raw.Inputs[i]) {
			continue
		}
		l, ours, err := p.permit(s, i)
		if err != nil {
			return 0, fmt.Errorf("input %d: %w", i, err)
		}
		if ours {
			all = append(all, mine{input: i, lock: l})
		}
	}
	for i, m := range all {
		if all[i].signature, err = v.sign(s, m.input, m.lock); err != nil {
			return 0, fmt.Errorf("input %d: %w", m.input, err)
		}
	}
	for _, m := range all {
		in := &p.raw.Inputs[m.input]
		in.RedeemScript, in.WitnessScript = m.lock.redeem(), m.lock.witness
		in.PartialSigs = slices.DeleteFunc(in.PartialSigs, func(ps *lib.PartialSig) bool {
			return bytes.Equal(ps.PubKey, m.lock.pubKey)
		})
		in.PartialSigs = append(in.PartialSigs, &lib.PartialSig{PubKey: m.lock.pubKey, Signature: m.signature})
	}
	return len(all), nil
}

// permit tells whether input i is the wallet's, and an error if it must not be
// signed.
func (p *Packet) permit(w Wallet, i int) (l lock, ours bool, err error) {
	in, c := &p.raw.Inputs[i], p.coins[i]
	o, ours := w.Origin(c.out.PkScript)
	if !ours {
		return lock{}, false, nil
	}
	l, fits := lockOf(c.out.PkScript, o.PubKey, o.Witness)
	switch {
	case !fits,
		in.RedeemScript != nil && !bytes.Equal(in.RedeemScript, l.redeem()),
		in.WitnessScript != nil && !bytes.Equal(in.WitnessScript, l.witness):
		return lock{}, false, ErrOrigin
	case l.kind == txbuild.P2PKH && !c.proven:
		return lock{}, false, ErrNoPrevious
	case in.SighashType != 0 && in.SighashType != txscript.SigHashAll:
		return lock{}, false, ErrSigHash
	}
	if err := w.Check(p.raw.UnsignedTx.TxIn[i].PreviousOutPoint, sats.Amount(c.out.Value)); err != nil {
		return lock{}, false, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return l, true, nil
}

// verifier runs the scripts of a packet's inputs.
type verifier struct {
	tx      *wire.MsgTx
	coins   []coin
	fetcher *txscript.MultiPrevOutFetcher
	hashes  *txscript.TxSigHashes
}

// verifier returns one for a copy of the transaction, whose coins must all be
// known.
func (p *Packet) verifier() (*verifier, error) {
	if _, err := p.fee(); err != nil {
		return nil, err
	}
	v := &verifier{tx: p.raw.UnsignedTx.Copy(), coins: p.coins, fetcher: txscript.NewMultiPrevOutFetcher(nil)}
	for i, in := range v.tx.TxIn {
		v.fetcher.AddPrevOut(in.PreviousOutPoint, p.coins[i].out)
	}
	v.hashes = txscript.NewTxSigHashes(v.tx, v.fetcher)
	return v, nil
}

// sign returns a signature for input i with its hash type.
func (v *verifier) sign(s Signer, i int, l lock) ([]byte, error) {
	hash, err := l.hash(v.tx, i, v.coins[i].out.Value, v.hashes)
	if err != nil {
		return nil, fmt.Errorf("hashing: %w", err)
	}
	der, err := s.SignHash(l.script, [32]byte(hash))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	signature := append(bytes.Clone(der), byte(txscript.SigHashAll))
	return signature, v.try(i, l, signature)
}

// try puts a signature into the transaction and runs the script of input i.
func (v *verifier) try(i int, l lock, signature []byte) error {
	if err := l.open(v.tx.TxIn[i], signature); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return v.run(i)
}

// run executes the script of input i under the rules by which nodes pass
// transactions on.
func (v *verifier) run(i int) error {
	out := v.coins[i].out
	engine, err := txscript.NewEngine(out.PkScript, v.tx, i, txscript.StandardVerifyFlags, nil, v.hashes, out.Value, v.fetcher)
	if err == nil {
		err = engine.Execute()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}
