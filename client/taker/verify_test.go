package taker

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// listNode is a node that knows some outputs.
type listNode map[wire.OutPoint]chain.TxOut

func (n listNode) TxOut(_ context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if txOut, ok := n[out]; ok {
		return txOut, nil
	}
	return chain.TxOut{}, chain.ErrNoTxOut
}

type ioauthCase struct {
	Nick   protocol.Nick
	IOAuth struct {
		UTXOs     []string
		AuthKey   string `json:"auth_pubkey"`
		CJ        string `json:"cj_address"`
		Change    string `json:"change_address"`
		Signature string
	}
	PubKey string `json:"maker_nacl_pubkey"`
	Offer  struct {
		OrderType protocol.OfferType
		CJFee     string
		TxFee     sats.Amount
	}
	Amount sats.Amount
	Coins  []struct {
		UTXO          string
		Value         sats.Amount
		Confirmations int32
		Script        string
	}
	Valid        bool
	Should       string
	Reason, Note string
	TotalInput   sats.Amount `json:"total_input"`
	ChangeAmount sats.Amount `json:"change_amount"`
}

// node knows the coins of the case.
func (v ioauthCase) node(t *testing.T) listNode {
	t.Helper()
	node := listNode{}
	for _, c := range v.Coins {
		out, err := coins.ParseOutPoint(c.UTXO)
		if err != nil {
			t.Fatal(err)
		}
		node[out] = chain.TxOut{Value: c.Value, Script: vectors.Hex(t, c.Script), Confirmations: c.Confirmations}
	}
	return node
}

// TestIOAuthsAsReference judges what makers opened. We refuse more than the
// reference: whatever is not P2WPKH, keys and coins in upper case, and what it
// accepts although it should not.
func TestIOAuthsAsReference(t *testing.T) {
	accepted, refused := 0, 0
	for _, v := range vectors.Load[ioauthCase](t, "ioauth.json", 97) {
		node := v.node(t)
		native := strings.HasPrefix(string(v.Offer.OrderType), "sw0")
		for _, out := range node {
			native = native && len(out.Script) == 22 && out.Script[0] == 0
		}
		want := v.Valid && native && v.Should == ""

		m := QuotedMaker{Nick: v.Nick, Offer: protocol.Offer{Type: v.Offer.OrderType, MaxSize: sats.Max, CJFee: v.Offer.CJFee, TxFee: v.Offer.TxFee}}
		fee, err := m.Offer.Fee(v.Amount)
		if err != nil {
			if v.Valid {
				t.Errorf("%s: the offer's fee: %v", v.Note, err)
			}
			continue // such an offer is never chosen
		}
		m.Fee = fee
		part, err := verify(t.Context(), &chaincfg.MainNetParams, node, m, v.Amount, v.PubKey, control.IOAuth{UTXOs: v.IOAuth.UTXOs,
			AuthPubKey: v.IOAuth.AuthKey, CJAddress: v.IOAuth.CJ, ChangeAddress: v.IOAuth.Change, Signature: v.IOAuth.Signature})
		if !want {
			var why refusal
			if !errors.As(err, &why) {
				t.Errorf("%s%s: %v, want a refusal", v.Note, v.Reason, err)
			}
			refused++
			continue
		}
		accepted++
		if err != nil {
			t.Errorf("%s: %v", v.Note, err)
			continue
		}
		change, err := part.ChangeValue(v.Amount)
		if err != nil || change != v.ChangeAmount {
			t.Errorf("%s: change %d, %v, want %d", v.Note, change, err, v.ChangeAmount)
		}
	}
	if accepted < 5 || refused < 80 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
}

// goodCase is the first case of the corpus, which every check accepts.
func goodCase(t *testing.T) (listNode, QuotedMaker, sats.Amount, string, control.IOAuth) {
	t.Helper()
	v := vectors.Load[ioauthCase](t, "ioauth.json", 97)[0]
	m := QuotedMaker{Nick: v.Nick, Fee: 100, Offer: protocol.Offer{Type: protocol.SW0RelOffer, MaxSize: sats.Max, CJFee: v.Offer.CJFee}}
	return v.node(t), m, v.Amount, v.PubKey, control.IOAuth{UTXOs: v.IOAuth.UTXOs, AuthPubKey: v.IOAuth.AuthKey,
		CJAddress: v.IOAuth.CJ, ChangeAddress: v.IOAuth.Change, Signature: v.IOAuth.Signature}
}

// TestVerifyNamesTheReason spoils one thing at a time (attacks T1 to T7).
func TestVerifyNamesTheReason(t *testing.T) {
	node, m, amount, pubKey, open := goodCase(t)
	if _, err := verify(t.Context(), &chaincfg.MainNetParams, node, m, amount, pubKey, open); err != nil {
		t.Fatal(err)
	}
	first, _ := coins.ParseOutPoint(open.UTXOs[0])
	second, _ := coins.ParseOutPoint(open.UTXOs[1])
	for name, c := range map[string]struct {
		edit func(listNode, *QuotedMaker, *control.IOAuth)
		want protocol.Reason
	}{
		"T1 second coin unconfirmed": {func(n listNode, _ *QuotedMaker, _ *control.IOAuth) {
			out := n[second]
			out.Confirmations = 0
			n[second] = out
		}, protocol.ReasonBadCoins},
		"T1 second coin spent": {func(n listNode, _ *QuotedMaker, _ *control.IOAuth) { delete(n, second) }, protocol.ReasonBadCoins},
		"T1 young reward": {func(n listNode, _ *QuotedMaker, _ *control.IOAuth) {
			out := n[second]
			out.Coinbase, out.Confirmations = true, 99
			n[second] = out
		}, protocol.ReasonBadCoins},
		"T2 one coin twice": {func(_ listNode, _ *QuotedMaker, o *control.IOAuth) {
			o.UTXOs = []string{o.UTXOs[0], o.UTXOs[1], o.UTXOs[0]}
		}, protocol.ReasonBadCoins},
		"T3 taproot coin": {func(n listNode, _ *QuotedMaker, _ *control.IOAuth) {
			out := n[second]
			out.Script = append([]byte{0x51, 32}, make([]byte, 32)...)
			n[second] = out
		}, protocol.ReasonBadCoins},
		"T3 address of another type": {func(_ listNode, _ *QuotedMaker, o *control.IOAuth) {
			o.ChangeAddress = "3PyyW5XuZNE3Fhj7VSyjSuHHbVNv4auufx"
		}, protocol.ReasonBadAddress},
		"T4 too little change": {func(n listNode, _ *QuotedMaker, _ *control.IOAuth) {
			out := n[first]
			out.Value = 1_000_000 - 700_001 + 27_300 - 100 - 1
			n[first] = out
		}, protocol.ReasonLowChange},
		"T4 value overflow": {func(n listNode, _ *QuotedMaker, _ *control.IOAuth) {
			for _, o := range []wire.OutPoint{first, second} {
				out := n[o]
				out.Value = sats.Max
				n[o] = out
			}
		}, protocol.ReasonLowChange},
		"T5 many coins": {func(_ listNode, _ *QuotedMaker, o *control.IOAuth) {
			o.UTXOs = make([]string, maxMakerInputs+1)
		}, protocol.ReasonBadCoins},
		"T5 no coins": {func(_ listNode, _ *QuotedMaker, o *control.IOAuth) { o.UTXOs = nil }, protocol.ReasonBadCoins},
		"T6 another's coins": {func(n listNode, _ *QuotedMaker, _ *control.IOAuth) {
			for _, o := range []wire.OutPoint{first, second} {
				out := n[o]
				out.Script = append([]byte{0, 20}, make([]byte, 20)...)
				n[o] = out
			}
		}, protocol.ReasonForeignKey},
		"T6 signature of another session": {func(_ listNode, _ *QuotedMaker, o *control.IOAuth) {
			o.Signature = "MEQCICO9rHB11plI7j1k9r5h9wXwvKjBeZJShX3ac7+KJqoCAiBynMQHEaeG5MO4LLqXkYqCR/UXqDfLYjm5y3r63z5eBA=="
		}, protocol.ReasonBadSignature},
		"T7 one address": {func(_ listNode, _ *QuotedMaker, o *control.IOAuth) { o.ChangeAddress = o.CJAddress }, protocol.ReasonBadAddress},
		"T7 other network": {func(_ listNode, _ *QuotedMaker, o *control.IOAuth) {
			o.CJAddress = "tb1qvrv4w4kfsv06a7883pyx26euhwfpadg66d2nad"
		}, protocol.ReasonBadAddress},
		"T7 back to its own input": {func(n listNode, _ *QuotedMaker, o *control.IOAuth) {
			script, _ := outputScript(o.ChangeAddress, "p2wpkh", &chaincfg.MainNetParams)
			out := n[second]
			out.Script = script
			n[second] = out
		}, protocol.ReasonBadAddress},
	} {
		node, m, amount, pubKey, open := goodCase(t)
		c.edit(node, &m, &open)
		_, err := verify(t.Context(), &chaincfg.MainNetParams, node, m, amount, pubKey, open)
		var why refusal
		if !errors.As(err, &why) || why.reason != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// deadNode gives no answer.
type deadNode struct{}

func (deadNode) TxOut(context.Context, wire.OutPoint) (chain.TxOut, error) {
	return chain.TxOut{}, chain.ErrUnreachable
}

func TestUnknownIsNotSpent(t *testing.T) {
	_, m, amount, pubKey, open := goodCase(t)
	_, err := verify(t.Context(), &chaincfg.MainNetParams, deadNode{}, m, amount, pubKey, open)
	var why refusal
	if errors.As(err, &why) || ReasonOf(err) != protocol.ReasonChain {
		t.Errorf("the maker is blamed for our node: %v", err)
	}
}

// FuzzVerify feeds the texts of a maker's answer: there is a verdict for all.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors.Load[ioauthCase](f, "ioauth.json", 97) {
		raw, _ := json.Marshal(v.IOAuth.UTXOs)
		f.Add(string(raw), v.IOAuth.AuthKey, v.IOAuth.CJ, v.IOAuth.Change, v.IOAuth.Signature)
	}
	f.Fuzz(func(t *testing.T, utxos, key, cj, change, signature string) {
		var list []string
		if json.Unmarshal([]byte(utxos), &list) != nil {
			return
		}
		m := QuotedMaker{Offer: protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: sats.Max, CJFee: "0"}}
		_, err := verify(t.Context(), &chaincfg.MainNetParams, listNode{}, m, 100_000, strings.Repeat("ab", 32),
			control.IOAuth{UTXOs: list, AuthPubKey: key, CJAddress: cj, ChangeAddress: change, Signature: signature})
		var why refusal
		if !errors.As(err, &why) {
			t.Errorf("%v: no coin of his exists", err)
		}
	})
}
