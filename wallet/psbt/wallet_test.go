package psbt

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// allKinds are the types that keys sign.
var allKinds = []txbuild.ScriptType{txbuild.P2PKH, txbuild.P2SH, txbuild.P2WPKH, txbuild.P2WSH}

// bondTime is the locktime of bonds of a testWallet.
const bondTime = 1_751_328_000

// testWallet has one key of each kind.
type testWallet struct {
	keys    map[string]*btcec.PrivateKey // by output script
	origins map[string]Origin
	scripts map[txbuild.ScriptType][]byte
	frozen  map[wire.OutPoint]bool
}

var errFrozen = errors.New("frozen")

// newWallet makes wallets that differ by n.
func newWallet(t testing.TB, n byte) *testWallet {
	t.Helper()
	w := &testWallet{
		keys: map[string]*btcec.PrivateKey{}, origins: map[string]Origin{},
		scripts: map[txbuild.ScriptType][]byte{}, frozen: map[wire.OutPoint]bool{},
	}
	for i, kind := range allKinds {
		key, pub := btcec.PrivKeyFromBytes([]byte{n, byte(i + 1)})
		o := Origin{
			PubKey:      pub.SerializeCompressed(),
			Fingerprint: [4]byte{0xd3, 0x4d, 0xb3, n},
			Path:        []uint32{84 + 1<<31, 1 << 31, 1 << 31, 0, uint32(i)},
		}
		hash := address.Hash160(o.PubKey)
		var script []byte
		switch kind {
		case txbuild.P2PKH:
			script = append(append([]byte{0x76, 0xa9, 20}, hash...), 0x88, 0xac)
		case txbuild.P2WPKH:
			script = append([]byte{0, 20}, hash...)
		case txbuild.P2SH:
			redeem := append([]byte{0, 20}, hash...)
			script = append(append([]byte{0xa9, 20}, address.Hash160(redeem)...), 0x87)
		case txbuild.P2WSH:
			var err error
			o.Witness, err = txscript.NewScriptBuilder().AddInt64(bondTime).AddOp(txscript.OP_CHECKLOCKTIMEVERIFY).
				AddOp(txscript.OP_DROP).AddData(o.PubKey).AddOp(txscript.OP_CHECKSIG).Script()
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(o.Witness)
			script = append([]byte{0, 32}, sum[:]...)
		}
		w.scripts[kind], w.origins[string(script)], w.keys[string(script)] = script, o, key
	}
	return w
}

func (w *testWallet) Origin(script []byte) (Origin, bool) {
	o, ok := w.origins[string(script)]
	return o, ok
}

func (w *testWallet) Check(out wire.OutPoint, _ sats.Amount) error {
	if w.frozen[out] {
		return errFrozen
	}
	return nil
}

func (w *testWallet) SignHash(script []byte, hash [32]byte) ([]byte, error) {
	key := w.keys[string(script)]
	if key == nil {
		return nil, errors.New("no such key")
	}
	return ecdsa.Sign(key, hash[:]).Serialize(), nil
}

// foreign is an output script of nobody.
var foreign = append([]byte{txscript.OP_1, 32}, bytes.Repeat([]byte{2}, 32)...)

// payment is a transaction that spends coins of the given owners' scripts,
// 100,000 sat each, and pays all but 1,000 sat: 30,000 sat to a stranger, the
// rest to the native script of the first wallet.
func payment(t testing.TB, change *testWallet, scripts ...[]byte) (*wire.MsgTx, []Coin) {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.LockTime = bondTime + 1
	var coins []Coin
	for i, script := range scripts {
		prev := wire.NewMsgTx(2)
		prev.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: uint32(i)}, nil, wire.TxWitness{{1}}))
		prev.AddTxOut(wire.NewTxOut(7, foreign))
		prev.AddTxOut(wire.NewTxOut(100_000, script))
		hash := prev.TxHash()
		tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&hash, 1), nil, nil))
		tx.TxIn[i].Sequence = txbuild.NoRBF
		coins = append(coins, Coin{Value: 100_000, Script: script, Previous: prev})
	}
	tx.AddTxOut(wire.NewTxOut(30_000, foreign))
	tx.AddTxOut(wire.NewTxOut(int64(len(scripts))*100_000-31_000, change.scripts[txbuild.P2WPKH]))
	return tx, coins
}

// all lists the scripts of a wallet.
func (w *testWallet) all() (scripts [][]byte) {
	for _, kind := range allKinds {
		scripts = append(scripts, w.scripts[kind])
	}
	return scripts
}

// again writes a packet and reads it back, as it travels.
func again(t testing.TB, p *Packet) *Packet {
	t.Helper()
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := back.Encode(); twice != text || err != nil {
		t.Fatalf("%s is written back %s, %v", text, twice, err)
	}
	return back
}

// runScripts verifies a transaction with the coins as its maker knows them.
func runScripts(t testing.TB, tx *wire.MsgTx, coins []Coin) {
	t.Helper()
	fetcher := txscript.NewMultiPrevOutFetcher(nil)
	for i, c := range coins {
		fetcher.AddPrevOut(tx.TxIn[i].PreviousOutPoint, wire.NewTxOut(int64(c.Value), c.Script))
	}
	hashes := txscript.NewTxSigHashes(tx, fetcher)
	for i, c := range coins {
		engine, err := txscript.NewEngine(c.Script, tx, i, txscript.StandardVerifyFlags, nil, hashes, int64(c.Value), fetcher)
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Execute(); err != nil {
			t.Errorf("input %d: %v", i, err)
		}
	}
}
