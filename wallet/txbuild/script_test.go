package txbuild

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
)

// TestScript has the first addresses of the well-known generator key.
func TestScript(t *testing.T) {
	pubKey := btcec.Generator().SerializeCompressed()
	for kind, want := range map[ScriptType]string{
		P2PKH:  "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH",
		P2SH:   "3JvL6Ymt8MVWiCNHC7oWU6nLeHNJKLZGLN",
		P2WPKH: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
	} {
		script, err := kind.Script(pubKey)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := TypeOf(script); back != kind || err != nil {
			t.Errorf("a script of %s is a %s, %v", kind, back, err)
		}
		if text, err := FormatAddress(script, &chaincfg.MainNetParams); text != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", kind, text, err, want)
		}
	}
	uncompressed, err := P2PKH.Script(btcec.Generator().SerializeUncompressed())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := FormatAddress(uncompressed, &chaincfg.MainNetParams); text != "1EHNa6Q4Jz2uvNExL497mE43ikXhwF6kZm" || err != nil {
		t.Errorf("uncompressed: %s, %v", text, err)
	}
	for _, kind := range []ScriptType{P2WSH, P2TR, "", "p2pk"} {
		if script, err := kind.Script(pubKey); !errors.Is(err, ErrScript) || script != nil {
			t.Errorf("%q: %x, %v", kind, script, err)
		}
	}
	for _, kind := range []ScriptType{P2PKH, P2SH, P2WPKH} {
		for _, size := range []int{0, 32, 34, 65} {
			script, err := kind.Script(make([]byte, size))
			if ok := kind == P2PKH && size == 65; ok != (err == nil) || !ok && (script != nil || !errors.Is(err, ErrScript)) {
				t.Errorf("%s of %d bytes: %x, %v", kind, size, script, err)
			}
		}
	}
	if native, _ := P2WPKH.Script(pubKey); !bytes.Equal(native, Program(pubKey)) {
		t.Error("Program is not the script of P2WPKH")
	}
}
