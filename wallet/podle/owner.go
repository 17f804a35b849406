package podle

import (
	"bytes"

	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Owns reports whether the coin with this output script belongs to the key P:
// P2WPKH, nested P2WPKH or P2PKH of it, which are what makers accept.
func (p Proof) Owns(script []byte) bool {
	for _, t := range []txbuild.ScriptType{txbuild.P2WPKH, txbuild.P2SH, txbuild.P2PKH} {
		if own, err := t.Script(p.P[:]); err == nil && bytes.Equal(own, script) {
			return true
		}
	}
	return false
}
