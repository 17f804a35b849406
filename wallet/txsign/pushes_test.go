package txsign

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func TestMakerMessagesAsReference(t *testing.T) {
	for _, v := range vectors.Kind[vector](t, "txsign.json", "maker_sigs", 6) {
		tx := parseTx(t, v.UnsignedTx)
		for _, own := range v.OwnInputs {
			wif, err := btcutil.DecodeWIF(own.WIF)
			if err != nil {
				t.Fatal(err)
			}
			out, err := coins.ParseOutPoint(own.UTXO)
			if err != nil {
				t.Fatal(err)
			}
			kind, _, _ := strings.Cut(v.WalletType, " ") // "p2wpkh fidelity bonds"
			script, err := txbuild.ScriptType(kind).Script(wif.PrivKey.PubKey().SerializeCompressed())
			if err != nil {
				t.Fatal(err)
			}
			for i, in := range tx.TxIn {
				if in.PreviousOutPoint != out {
					continue
				}
				if err := Sign(tx, i, PrevOut{Value: own.Value, Script: script}, wif.PrivKey); err != nil {
					t.Fatal(err)
				}
			}
		}
		var got []string
		for _, i := range v.InputPositions {
			pushes, err := PushesOf(tx.TxIn[i])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, pushes.Encode())
		}
		if strings.Join(got, "\n") != strings.Join(v.SigMessages, "\n") {
			t.Errorf("messages %q, want %q", got, v.SigMessages)
		}
	}
}

func TestNestedThirdPush(t *testing.T) {
	_, _, _, pushes := signed(t)
	raw, err := b64.Decode(pushes.Encode(), 200)
	if err != nil {
		t.Fatal(err)
	}
	for size, ok := range map[int]bool{21: false, 22: true, 23: false} {
		third := append(append(bytes.Clone(raw), byte(size)), make([]byte, size)...)
		got, err := ParsePushes(b64.Encode(third))
		if (err == nil) != ok || ok && !bytes.Equal(got.Signature, pushes.Signature) {
			t.Errorf("third push of %d bytes: %v", size, err)
		}
	}
}

func TestPushesOfRefuses(t *testing.T) {
	signature, pubKey := bytes.Repeat([]byte{5}, 71), make([]byte, 33)
	for name, in := range map[string]wire.TxIn{
		"unsigned":                {},
		"one element":             {Witness: wire.TxWitness{signature}},
		"three elements":          {Witness: wire.TxWitness{signature, pubKey, nil}},
		"fidelity bond":           {Witness: wire.TxWitness{signature, make([]byte, 42)}},
		"giant signature":         {Witness: wire.TxWitness{make([]byte, 76), pubKey}},
		"nested, longer script":   {Witness: wire.TxWitness{signature, pubKey}, SignatureScript: append(pushAll(pubKey[:22]), 0)},
		"legacy, signature only":  {SignatureScript: pushAll(signature)},
		"legacy, something after": {SignatureScript: append(pushAll(signature, pubKey), 0)},
	} {
		if p, err := PushesOf(&in); !errors.Is(err, ErrPushes) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func FuzzParsePushes(f *testing.F) {
	for _, v := range vectors.Kind[vector](f, "txsign.json", "taker_verify", 109) {
		for _, step := range v.Steps {
			f.Add(step.SigMessage)
		}
	}
	tx, prev, _, _ := signed(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePushes(text)
		if err != nil {
			return
		}
		raw, _ := b64.Decode(text, 1000)
		back, _ := b64.Decode(p.Encode(), 1000)
		if !bytes.HasPrefix(raw, back) || len(raw) != len(back) && len(raw) != len(back)+23 {
			t.Errorf("%x is written back as %x", raw, back)
		}
		p.Place(tx.Copy(), 0, prev)
	})
}
