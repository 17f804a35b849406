package txbuild

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

const uncompressedSize = 65

// Script returns the output script of this type for one public key: 33 bytes,
// of P2PKH also the 65 of an uncompressed key. The types are P2PKH, P2SH (nested
// P2WPKH) and P2WPKH; others, which need more than a key, are ErrScript, and so
// are keys of another size: what is paid to those is lost.
func (t ScriptType) Script(pubKey []byte) ([]byte, error) {
	compressed := len(pubKey) == btcec.PubKeyBytesLenCompressed
	if !compressed && (t != P2PKH || len(pubKey) != uncompressedSize) {
		return nil, fmt.Errorf("%w: %q with a key of %d bytes", ErrScript, string(t), len(pubKey))
	}
	switch t {
	case P2PKH:
		return slices.Concat([]byte{txscript.OP_DUP, txscript.OP_HASH160, txscript.OP_DATA_20}, address.Hash160(pubKey),
			[]byte{txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG}), nil
	case P2SH:
		return slices.Concat([]byte{txscript.OP_HASH160, txscript.OP_DATA_20}, address.Hash160(Program(pubKey)),
			[]byte{txscript.OP_EQUAL}), nil
	case P2WPKH:
		return Program(pubKey), nil
	}
	return nil, fmt.Errorf("%w: no %q of one key", ErrScript, string(t))
}

// Program is the output script of P2WPKH, and what an output of nested P2WPKH
// hides, for a public key of 33 bytes (BIP141).
func Program(pubKey []byte) []byte {
	return append([]byte{txscript.OP_0, txscript.OP_DATA_20}, address.Hash160(pubKey)...)
}
