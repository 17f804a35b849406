package txsign

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

type vector struct {
	Kind         string
	UnsignedTx   string `json:"unsigned_tx"`
	Valid        bool
	Should       string
	Reason, Note string

	InputIndex   int `json:"input_index"`
	Amount       sats.Amount
	PrivKey      string
	ScriptPubKey string `json:"script_pubkey"`
	RedeemScript string `json:"redeem_script"`
	SigHash      string
	Signature    string
	SignedTx     string `json:"signed_tx"`
	ScriptType   string `json:"script_type"`
	WalletType   string `json:"wallet_type"`

	OwnInputs []struct {
		UTXO, WIF string
		Value     sats.Amount
	} `json:"own_inputs"`
	InputPositions []int    `json:"input_positions"`
	SigMessages    []string `json:"sig_messages"`

	Inputs []struct {
		UTXO, Nick   string
		Value        sats.Amount
		ScriptPubKey string `json:"script_pubkey"`
	}
	Steps []struct {
		Nick       string
		SigMessage string `json:"sig_message"`
		PlacedAt   *int   `json:"placed_at"`
	}
}

func parseTx(t testing.TB, text string) *wire.MsgTx {
	t.Helper()
	tx := new(wire.MsgTx)
	if err := tx.DeserializeNoWitness(bytes.NewReader(vectors.Hex(t, text))); err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestW11SignAsReference: the same key and hash give the signature of RFC 6979,
// which is the reference's, each time.
func TestW11SignAsReference(t *testing.T) {
	types, unspendable := make(map[string]int), 0
	for _, v := range vectors.Kind[vector](t, "txsign.json", "sign_input", 18) {
		types[v.ScriptType]++
		tx := parseTx(t, v.UnsignedTx)
		key, pub := btcec.PrivKeyFromBytes(vectors.Hex(t, v.PrivKey))
		prev := PrevOut{Value: v.Amount, Script: vectors.Hex(t, v.ScriptPubKey), Redeem: vectors.Hex(t, v.RedeemScript)}
		lock, err := LockOf(prev.Script, pub.SerializeCompressed(), prev.Redeem)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := lock.Hash(tx, v.InputIndex, int64(v.Amount), txscript.NewTxSigHashes(tx, prev.fetcher()))
		if got := hex.EncodeToString(hash); got != v.SigHash || err != nil {
			t.Errorf("%s: hash %s, %v, want %s", v.ScriptType, got, err, v.SigHash)
		}
		switch err := Sign(tx, v.InputIndex, prev, key); {
		case errors.Is(err, ErrLockTime) && v.ScriptType == "bond" && tx.TxIn[v.InputIndex].Sequence == wire.MaxTxInSequenceNum:
			// The reference signs what no node will ever accept.
			lock.Open(tx.TxIn[v.InputIndex], append(ecdsa.Sign(key, hash).Serialize(), byte(txscript.SigHashAll)))
			unspendable++
		case err != nil:
			t.Fatal(err)
		}
		var raw bytes.Buffer
		if err := tx.Serialize(&raw); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(raw.Bytes()); got != v.SignedTx {
			t.Errorf("%s: signed transaction %s, want %s", v.ScriptType, got, v.SignedTx)
		}
	}
	if want := map[string]int{"p2pkh": 5, "p2sh-p2wpkh": 5, "p2wpkh": 5, "bond": 3}; !maps.Equal(types, want) {
		t.Errorf("types %v, want %v", types, want)
	}
	if unspendable != 2 {
		t.Errorf("%d transactions that no node accepts, want 2", unspendable)
	}
}

func isUnsigned(in *wire.TxIn) bool { return len(in.Witness) == 0 && len(in.SignatureScript) == 0 }

// tryInputs places a message on the first unsigned input of its sender where it
// fits, as a taker does.
func tryInputs(tx *wire.MsgTx, prevs []PrevOut, mine func(input int) bool, text string) *int {
	pushes, err := ParsePushes(text)
	if err != nil {
		return nil
	}
	for i := range tx.TxIn {
		if mine(i) && isUnsigned(tx.TxIn[i]) && pushes.Place(tx, i, prevs[i]) == nil {
			return &i
		}
	}
	return nil
}

// TestT8MessagesAsReference plays the messages that a taker may get. Where the
// reference accepts more than SIGHASH_ALL, or a signature for somebody else's
// input, we do not.
func TestT8MessagesAsReference(t *testing.T) {
	stricter := func(note string) bool {
		return strings.HasPrefix(note, "hash type ") || strings.HasPrefix(note, "signature for the input of another maker")
	}
	played := 0
	for _, v := range vectors.Kind[vector](t, "txsign.json", "taker_verify", 109) {
		if v.Reason == "coin spent meanwhile" {
			continue // a question to the node, asked before the taker signs
		}
		played++
		tx := parseTx(t, v.UnsignedTx)
		prevs, owner := make([]PrevOut, len(tx.TxIn)), make([]string, len(tx.TxIn))
		for _, in := range v.Inputs {
			out, err := coins.ParseOutPoint(in.UTXO)
			if err != nil {
				t.Fatal(err)
			}
			for i := range tx.TxIn {
				if tx.TxIn[i].PreviousOutPoint == out {
					prevs[i], owner[i] = PrevOut{Value: in.Value, Script: vectors.Hex(t, in.ScriptPubKey)}, in.Nick
				}
			}
		}
		for _, step := range v.Steps {
			want := step.PlacedAt
			if v.Should == "reject" || v.Should == "either" && stricter(v.Note) {
				want = nil
			}
			got := tryInputs(tx, prevs, func(i int) bool { return owner[i] == step.Nick }, step.SigMessage)
			if (got == nil) != (want == nil) || got != nil && *got != *want {
				t.Errorf("%s%s: placed %v, want %v", v.Note, v.Reason, got, want)
			}
		}
	}
	if played != 106 {
		t.Errorf("%d cases played", played)
	}
}

// signed returns a transaction with two inputs of one key, what they spend, and
// the valid pushes for the first.
func signed(t testing.TB) (*wire.MsgTx, PrevOut, *btcec.PrivateKey, Pushes) {
	t.Helper()
	key, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{3}, 32))
	prev := PrevOut{Value: 50_000, Script: txbuild.Program(pub.SerializeCompressed())}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 1}, nil, nil))
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 2}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(90_000, prev.Script))
	if err := Sign(tx, 0, prev, key); err != nil {
		t.Fatal(err)
	}
	pushes, err := PushesOf(tx.TxIn[0])
	if err != nil {
		t.Fatal(err)
	}
	tx.TxIn[0].Witness = nil
	return tx, prev, key, pushes
}

func TestT8WrongSignatures(t *testing.T) {
	order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	for name, c := range map[string]struct {
		edit func(*wire.MsgTx, *PrevOut, *Pushes)
		want error
	}{
		"empty":          {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) { p.Signature = nil }, ErrSignature},
		"hash type only": {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) { p.Signature = []byte{1} }, ErrSignature},
		"cut": {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) {
			p.Signature = append(p.Signature[:len(p.Signature)-2:len(p.Signature)-2], 1)
		}, ErrSignature},
		"byte before the hash type": {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) {
			p.Signature = append(p.Signature[:len(p.Signature)-1:len(p.Signature)-1], 0, 1)
		}, ErrSignature},
		"high s": {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) {
			sig, err := ecdsa.ParseDERSignature(p.Signature[:len(p.Signature)-1])
			if err != nil {
				t.Fatal(err)
			}
			s := sig.S()
			raw := s.Bytes()
			high := new(big.Int).Sub(order, new(big.Int).SetBytes(raw[:])).Bytes()
			high = append([]byte{0}, high...) // above half the order, so the top bit is set
			head := p.Signature[:4+int(p.Signature[3])]
			der := append(append([]byte{}, head...), append([]byte{2, byte(len(high))}, high...)...)
			der[1] = byte(len(der) - 2)
			p.Signature = append(der, 1)
		}, ErrSignature},
		"NONE":           {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) { p.Signature[len(p.Signature)-1] = 2 }, ErrSignature},
		"ANYONECANPAY":   {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) { p.Signature[len(p.Signature)-1] = 0x81 }, ErrSignature},
		"other value":    {func(_ *wire.MsgTx, prev *PrevOut, _ *Pushes) { prev.Value-- }, ErrSignature},
		"other output":   {func(tx *wire.MsgTx, _ *PrevOut, _ *Pushes) { tx.TxOut[0].Value-- }, ErrSignature},
		"other locktime": {func(tx *wire.MsgTx, _ *PrevOut, _ *Pushes) { tx.LockTime++ }, ErrSignature},
		"other key": {func(_ *wire.MsgTx, _ *PrevOut, p *Pushes) {
			p.PubKey = btcec.Generator().SerializeCompressed()
		}, ErrKey},
		"uncompressed key": {func(_ *wire.MsgTx, prev *PrevOut, p *Pushes) {
			key, _ := btcec.ParsePubKey(p.PubKey)
			p.PubKey = key.SerializeUncompressed()
			prev.Script = txbuild.Program(p.PubKey)
		}, ErrKey},
		"legacy coin": {func(_ *wire.MsgTx, prev *PrevOut, p *Pushes) {
			prev.Script, _ = txbuild.P2PKH.Script(p.PubKey)
		}, ErrSignature},
		"nested coin of another value": {func(_ *wire.MsgTx, prev *PrevOut, p *Pushes) {
			prev.Script, _ = txbuild.P2SH.Script(p.PubKey)
			prev.Value++
		}, ErrSignature},
		"T3: fidelity bond": {func(_ *wire.MsgTx, prev *PrevOut, p *Pushes) {
			prev.Redeem = bond.Redeem(1, [33]byte(p.PubKey))
			prev.Script = bond.Script(prev.Redeem)
		}, ErrInput},
		"T3: taproot coin": {func(_ *wire.MsgTx, prev *PrevOut, p *Pushes) {
			prev.Script = append([]byte{txscript.OP_1, 32}, p.PubKey[1:]...)
		}, ErrInput},
		"coin of no script": {func(_ *wire.MsgTx, prev *PrevOut, _ *Pushes) { prev.Script = nil }, ErrInput},
	} {
		tx, prev, _, pushes := signed(t)
		pushes.Signature = bytes.Clone(pushes.Signature)
		c.edit(tx, &prev, &pushes)
		if err := pushes.Place(tx, 0, prev); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if tx.TxIn[0].Witness != nil || tx.TxIn[0].SignatureScript != nil {
			t.Errorf("%s: left in the transaction", name)
		}
	}
}

func TestT8SignatureForOtherInput(t *testing.T) {
	tx, prev, key, pushes := signed(t)
	if err := pushes.Place(tx, 1, prev); !errors.Is(err, ErrSignature) {
		t.Errorf("signature of input 0 at input 1: %v", err)
	}
	for _, input := range []int{-1, 2} {
		if err := pushes.Place(tx, input, prev); !errors.Is(err, ErrInput) {
			t.Errorf("input %d: %v", input, err)
		}
		if err := Sign(tx, input, prev, key); !errors.Is(err, ErrInput) {
			t.Errorf("signing input %d: %v", input, err)
		}
	}
	if err := pushes.Place(tx, 0, prev); err != nil {
		t.Errorf("the right place: %v", err)
	}
	other, _ := btcec.PrivKeyFromBytes([]byte{9})
	if err := Sign(tx, 1, prev, other); !errors.Is(err, ErrKey) || tx.TxIn[1].Witness != nil {
		t.Errorf("signing with another key: %v, witness %x", err, tx.TxIn[1].Witness)
	}
}

// TestSignedTransactionIsStandard runs both inputs once more, with a fetcher
// that knows them apart.
func TestSignedTransactionIsStandard(t *testing.T) {
	tx, prev, key, _ := signed(t)
	fetcher := txscript.NewMultiPrevOutFetcher(nil)
	for i, in := range tx.TxIn {
		in.SignatureScript = []byte{1, 1} // as a careless builder might leave it
		own := PrevOut{Value: prev.Value + sats.Amount(i), Script: prev.Script}
		if err := Sign(tx, i, own, key); err != nil {
			t.Fatal(err)
		}
		fetcher.AddPrevOut(in.PreviousOutPoint, wire.NewTxOut(int64(own.Value), own.Script))
	}
	for i, in := range tx.TxIn {
		out := fetcher.FetchPrevOutput(in.PreviousOutPoint)
		engine, err := txscript.NewEngine(out.PkScript, tx, i, txscript.StandardVerifyFlags, nil,
			txscript.NewTxSigHashes(tx, fetcher), out.Value, fetcher)
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Execute(); err != nil {
			t.Errorf("input %d: %v", i, err)
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	tx, prev, _, pushes := signed(b)
	for b.Loop() {
		if err := pushes.Place(tx, 0, prev); err != nil {
			b.Fatal(err)
		}
	}
}
