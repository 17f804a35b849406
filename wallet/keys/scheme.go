package keys

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// hardened is added to the number of a hardened level.
const hardened = hdkeychain.HardenedKeyStart

// legacyEntropy is the size in bytes of the entropy of P2PKH wallets.
const legacyEntropy = 16

// ErrType: there are no wallets of such a type, or the seed does not fit it.
var ErrType = errors.New("no such type of wallet")

// purposes has the first level of the paths of each type of wallet, hardened
// (BIP44). What else depends on a type is its script: txbuild.ScriptType.
//
// Legacy wallets of the reference are older than BIP44: they have the level 0
// there and none for the coin, nothing hardened, and another way from the seed
// to the root key.
var purposes = map[txbuild.ScriptType]uint32{
	txbuild.P2PKH:  legacyPurpose,
	txbuild.P2SH:   49 + hardened,
	txbuild.P2WPKH: 84 + hardened,
}

const legacyPurpose = 0

// CheckType returns ErrType unless wallets have addresses of that type: P2PKH,
// P2SH (nested P2WPKH) or P2WPKH.
func CheckType(t txbuild.ScriptType) error {
	if _, ok := purposes[t]; !ok {
		return fmt.Errorf("%w: %q; there are %s, %s and %s", ErrType, string(t), txbuild.P2WPKH, txbuild.P2SH, txbuild.P2PKH)
	}
	return nil
}

// account returns the levels down to a mixdepth.
func account(t txbuild.ScriptType, params *chaincfg.Params, mixdepth uint32) []uint32 {
	purpose := purposes[t]
	if purpose == legacyPurpose {
		return []uint32{legacyPurpose, mixdepth}
	}
	return []uint32{purpose, coinType(params) + hardened, mixdepth + hardened}
}

// coinType is the second level of the path (BIP44, SLIP44).
func coinType(params *chaincfg.Params) uint32 {
	if params.Net == chaincfg.MainNetParams.Net {
		return 0
	}
	return 1
}

// root returns what BIP32 starts from in a wallet of the type: for P2PKH the
// entropy as 32 characters of hex, for others the BIP39 seed.
func (s Seed) root(t txbuild.ScriptType) (secret.Bytes, error) {
	if t != txbuild.P2PKH {
		return s.bip39Seed()
	}
	entropy := s.entropy.Reveal()
	if len(entropy) != legacyEntropy || !s.extension.Empty() {
		return secret.Bytes{}, fmt.Errorf("%w: the seed of a %s wallet has %d bytes and no extension", ErrType, t, legacyEntropy)
	}
	text := make([]byte, hex.EncodedLen(len(entropy)))
	hex.Encode(text, entropy)
	return secret.NewBytes(text), nil
}
