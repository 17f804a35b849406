package keys

import (
	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// What is particular to native segwit: BIP84 and BIP141.

// purpose is the first level of the path, hardened.
const purpose = 84

// script returns the output script of a compressed public key.
func script(pubkey []byte) []byte {
	return append([]byte{txscript.OP_0, txscript.OP_DATA_20}, address.Hash160(pubkey)...)
}

// addressOf returns the address of a compressed public key.
func addressOf(pubkey []byte, params *chaincfg.Params) (string, error) {
	a, err := address.NewAddressWitnessPubKeyHash(address.Hash160(pubkey), params)
	if err != nil {
		return "", err
	}
	return a.EncodeAddress(), nil
}

// descriptor wraps a key expression (BIP382).
func descriptor(key string) string { return "wpkh(" + key + ")" }
