package podle

import (
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func TestOwns(t *testing.T) {
	key, _ := btcec.PrivKeyFromBytes([]byte{7})
	other, _ := btcec.PrivKeyFromBytes([]byte{8})
	proof, err := Generate(key, wire.OutPoint{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []txbuild.ScriptType{txbuild.P2WPKH, txbuild.P2SH, txbuild.P2PKH} {
		for owner, want := range map[*btcec.PrivateKey]bool{key: true, other: false} {
			script, err := kind.Script(owner.PubKey().SerializeCompressed())
			if err != nil {
				t.Fatal(err)
			}
			if proof.Owns(script) != want {
				t.Errorf("%s of %x: want %v", kind, owner.PubKey().SerializeCompressed(), want)
			}
		}
	}
	uncompressed, err := txbuild.P2PKH.Script(key.PubKey().SerializeUncompressed())
	if err != nil {
		t.Fatal(err)
	}
	if proof.Owns(uncompressed) || proof.Owns(nil) {
		t.Error("owns what is no script of the compressed key")
	}
}
