package message

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Why a text is not signed, or not verified.
var (
	ErrText    = errors.New("text to sign is empty, too long or not UTF-8")
	ErrNetwork = errors.New("texts are signed with addresses of mainnet only")
	// ErrAddressType: no key can be recovered for an address of this type.
	ErrAddressType = errors.New("only addresses of one key sign texts: P2PKH, nested and native P2WPKH")
)

// MaxText is the longest text in bytes.
const MaxText = 64 << 10

// compactSize is the size of a recoverable signature: header, r, s.
const compactSize = 65

// First headers of the four that tell which of four points was meant, by what
// else they say about the key.
const (
	headerUncompressed = 27
	headerCompressed   = 31 // all that the reference writes, whatever the address
	headerNested       = 35 // BIP137, as hardware wallets write it
	headerNative       = 39
	headerEnd          = 43
)

// SignText signs a text as the reference's signmessage does for an address of
// the key, of any type: base64 of 65 bytes from which the public key can be
// recovered. It refuses an unfit text (ErrText) and, as the reference, networks
// other than mainnet (ErrNetwork).
func SignText(key *btcec.PrivateKey, text string, params *chaincfg.Params) (string, error) {
	if params.Net != chaincfg.MainNetParams.Net {
		return "", ErrNetwork
	}
	if err := checkText(text); err != nil {
		return "", err
	}
	hash := Hash(text)
	return b64.Encode(ecdsa.SignCompact(key, hash[:], true)), nil
}

// VerifyText checks that the owner of an address signed the text. Headers
// 31..34 stand for a compressed key and any type of address, as the reference
// and Electrum write them; 27..30 for P2PKH of an uncompressed key, 35..38 for
// nested and 39..42 for native P2WPKH alone (BIP137). A high S is accepted, as
// by Verify. It returns ErrText, txbuild.ErrAddress, ErrAddressType,
// ErrEncoding, or ErrSignature when another key signed or another text was
// signed.
func VerifyText(addr, text, signature string, params *chaincfg.Params) error {
	if err := checkText(text); err != nil {
		return err
	}
	script, err := txbuild.ParseAddress(addr, params)
	if err != nil {
		return err
	}
	raw, err := b64.Decode(signature, compactSize)
	if err != nil || len(raw) != compactSize || raw[0] < headerUncompressed || raw[0] >= headerEnd {
		return fmt.Errorf("%w: want base64 of 65 bytes", ErrEncoding)
	}
	header := raw[0] - (raw[0]-headerUncompressed)%4
	if header > headerCompressed {
		raw[0] -= header - headerCompressed // the library knows none of BIP137
	}
	hash := Hash(text)
	key, _, err := ecdsa.RecoverCompact(raw, hash[:])
	if err != nil {
		return ErrSignature
	}
	return checkOwner(script, header, key)
}

// checkOwner compares the hash in an output script with that of the key, in
// the form that the header says.
func checkOwner(script []byte, header byte, key *btcec.PublicKey) error {
	kind, err := txbuild.TypeOf(script)
	if err != nil {
		return err
	}
	pub := key.SerializeCompressed()
	var special byte // the header that is for this type alone
	var paid, owned []byte
	switch kind {
	case txbuild.P2PKH:
		if special = headerUncompressed; header == special {
			pub = key.SerializeUncompressed()
		}
		paid, owned = script[3:23], address.Hash160(pub)
	case txbuild.P2SH:
		special = headerNested
		program := append([]byte{txscript.OP_0, txscript.OP_DATA_20}, address.Hash160(pub)...)
		paid, owned = script[2:22], address.Hash160(program)
	case txbuild.P2WPKH:
		special = headerNative
		paid, owned = script[2:22], address.Hash160(pub)
	default:
		return ErrAddressType
	}
	if header != headerCompressed && header != special {
		return fmt.Errorf("%w: it is for another type of address", ErrSignature)
	}
	if !bytes.Equal(paid, owned) {
		return ErrSignature
	}
	return nil
}

func checkText(text string) error {
	if text == "" || len(text) > MaxText || !utf8.ValidString(text) {
		return ErrText
	}
	return nil
}
