package psbt

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// TestTimelockedScriptsOnly: of all P2WSH, no other script is signed for.
func TestTimelockedScriptsOnly(t *testing.T) {
	w := newWallet(t, 1)
	bond := w.origins[string(w.scripts[txbuild.P2WSH])]
	other := w.origins[string(w.scripts[txbuild.P2WPKH])].PubKey
	at := bytes.Index(bond.Witness, bond.PubKey)
	cut := func(from, to int, with ...byte) []byte {
		return append(append(bytes.Clone(bond.Witness[:from]), with...), bond.Witness[to:]...)
	}
	late := append([]byte{txscript.OP_DATA_5, 0, 0xf6, 0x10, 0x80, 0}, bond.Witness[5:]...)
	for name, c := range map[string]struct {
		script []byte
		want   bool
	}{
		"bond":              {bond.Witness, true},
		"bond of 2038":      {late, true},
		"cut":               {bond.Witness[:len(bond.Witness)-1], false},
		"longer":            {append(bytes.Clone(bond.Witness), txscript.OP_NOP), false},
		"half a push":       {append(bytes.Clone(bond.Witness), txscript.OP_DATA_2, 0), false},
		"another key":       {cut(at, at+33, other...), false},
		"no locktime":       {cut(0, 5, txscript.OP_1), false},
		"relative locktime": {cut(5, 6, txscript.OP_CHECKSEQUENCEVERIFY), false},
		"key only":          {bond.Witness[at-1:], false},
		"none":              {nil, false},
	} {
		hash := sha256.Sum256(c.script)
		l, fits := lockOf(append([]byte{0, 32}, hash[:]...), bond.PubKey, c.script)
		if fits != c.want || fits && !bytes.Equal(l.witness, c.script) {
			t.Errorf("%s: %t, want %t", name, fits, c.want)
		}
	}
	if _, fits := lockOf(w.scripts[txbuild.P2WSH], bond.PubKey, late); fits {
		t.Error("a script with another hash fits")
	}
}
