package txbuild

import (
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// ErrAddress means that a text is no address of the network, or of a type that
// is not supported.
var ErrAddress = errors.New("not a valid address")

// maxAddress is the longest address in characters: P2TR on regtest has 64.
const maxAddress = 90

// ParseAddress returns the output script of an address of the given network:
// P2PKH, P2SH, P2WPKH, P2WSH or P2TR, checksums and encodings strict
// (BIP 173, BIP 350). Only the one spelling of an address is accepted, for
// bech32 also its upper-case form.
func ParseAddress(text string, params *chaincfg.Params) ([]byte, error) {
	refuse := func(why string) ([]byte, error) {
		return nil, fmt.Errorf("%w: %s", ErrAddress, why)
	}
	if len(text) > maxAddress {
		return refuse("too long")
	}
	addr, err := address.DecodeAddress(text, params)
	if err != nil {
		return refuse("wrong checksum, a typing mistake or an unknown type")
	}
	if !addr.IsForNet(params) {
		return refuse("it belongs to another network than " + params.Name)
	}
	script, err := txscript.PayToAddrScript(addr)
	if err != nil {
		return refuse("no script for it")
	}
	if _, err := TypeOf(script); err != nil {
		return refuse("its type is not supported")
	}
	// The library accepts raw public keys and takes some witness programs for
	// what they are not; neither is written back as it was read.
	back, err := FormatAddress(script, params)
	if err != nil || back != text && strings.ToUpper(back) != text {
		return refuse("it is not written in the one valid form")
	}
	return script, nil
}

// FormatAddress returns the address of an output script on a network, or
// ErrScript.
func FormatAddress(script []byte, params *chaincfg.Params) (string, error) {
	kind, err := TypeOf(script)
	if err != nil {
		return "", err
	}
	var addr address.Address
	switch kind {
	case P2PKH:
		addr, err = address.NewAddressPubKeyHash(script[3:23], params)
	case P2SH:
		addr, err = address.NewAddressScriptHashFromHash(script[2:22], params)
	case P2WPKH:
		addr, err = address.NewAddressWitnessPubKeyHash(script[2:], params)
	case P2WSH:
		addr, err = address.NewAddressWitnessScriptHash(script[2:], params)
	case P2TR:
		addr, err = address.NewAddressTaproot(script[2:], params)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrScript, err)
	}
	return addr.EncodeAddress(), nil
}
