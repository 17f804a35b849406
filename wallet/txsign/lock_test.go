package txsign

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// spender returns a transaction of two inputs that may spend a bond of the
// locktime.
func spender(locktime uint32) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for i := range uint32(2) {
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: i}, nil, nil))
		tx.TxIn[i].Sequence = txbuild.NoRBF
	}
	tx.AddTxOut(wire.NewTxOut(1000, []byte{txscript.OP_TRUE}))
	tx.LockTime = locktime
	return tx
}

func TestW13BondNeedsLockTime(t *testing.T) {
	const locktime = 1_751_328_000
	key, pub := btcec.PrivKeyFromBytes([]byte{7})
	redeem := bond.Redeem(locktime, [33]byte(pub.SerializeCompressed()))
	prev := PrevOut{Value: 5000, Script: bond.Script(redeem), Redeem: redeem}

	early := spender(locktime - 1)
	height := spender(900_000)
	final := spender(locktime)
	final.TxIn[1].Sequence = wire.MaxTxInSequenceNum
	for name, tx := range map[string]*wire.MsgTx{"a second early": early, "a block height": height, "final sequence": final} {
		if err := Sign(tx, 1, prev, key); !errors.Is(err, ErrLockTime) || !isUnsigned(tx.TxIn[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tx := spender(locktime)
	if err := Sign(tx, 1, prev, key); err != nil {
		t.Fatal(err)
	}
	if w := tx.TxIn[1].Witness; len(w) != 2 || !bytes.Equal(w[1], redeem) {
		t.Errorf("witness %x", w)
	}
	if _, err := PushesOf(tx.TxIn[1]); !errors.Is(err, ErrPushes) {
		t.Errorf("M28: a signature for a bond as a !sig message: %v", err)
	}

	other, _ := btcec.PrivKeyFromBytes([]byte{8})
	if err := Sign(tx, 0, prev, other); !errors.Is(err, ErrKey) {
		t.Errorf("with another key: %v", err)
	}
	for name, bad := range map[string][]byte{
		"no redeem script":      nil,
		"another redeem script": bond.Redeem(locktime+1, [33]byte(pub.SerializeCompressed())),
	} {
		p := prev
		p.Redeem = bad
		if err := Sign(tx, 0, p, key); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	foreign := PrevOut{Value: 5000, Script: bond.Script([]byte{txscript.OP_TRUE}), Redeem: []byte{txscript.OP_TRUE}}
	if err := Sign(tx, 0, foreign, key); !errors.Is(err, ErrInput) {
		t.Errorf("P2WSH that is no bond: %v", err)
	}
}

// TestUncompressedKey: coins of old imported keys of legacy wallets.
func TestUncompressedKey(t *testing.T) {
	key, pub := btcec.PrivKeyFromBytes([]byte{7})
	script, err := txbuild.P2PKH.Script(pub.SerializeUncompressed())
	if err != nil {
		t.Fatal(err)
	}
	tx := spender(0)
	if err := Sign(tx, 0, PrevOut{Value: 5000, Script: script}, key); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(tx.TxIn[0].SignatureScript, pub.SerializeUncompressed()) {
		t.Errorf("script %x", tx.TxIn[0].SignatureScript)
	}
	other, _ := btcec.PrivKeyFromBytes([]byte{8})
	if err := Sign(tx, 1, PrevOut{Value: 5000, Script: script}, other); !errors.Is(err, ErrKey) {
		t.Errorf("with another key: %v", err)
	}
}

// BenchmarkSign100 signs the 100 inputs of a transaction.
func BenchmarkSign100(b *testing.B) {
	key, pub := btcec.PrivKeyFromBytes([]byte{7})
	prev := PrevOut{Value: 5000, Script: txbuild.Program(pub.SerializeCompressed())}
	tx := wire.NewMsgTx(2)
	for i := range uint32(100) {
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: i}, nil, nil))
	}
	tx.AddTxOut(wire.NewTxOut(1000, prev.Script))
	for b.Loop() {
		for i := range tx.TxIn {
			if err := Sign(tx, i, prev, key); err != nil {
				b.Fatal(err)
			}
		}
	}
}
