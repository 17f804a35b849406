package taker

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

const (
	// maxMakerInputs is how many coins a maker may bring: the taker pays for
	// their size (attack T5).
	maxMakerInputs = 15
	// minMakerChange is the least change a maker gets, the dust of the network:
	// makers do not sign for less (spec: checking ioauths).
	minMakerChange = protocol.MinOfferSize
)

// node knows unspent outputs; chain.Backend does.
type node interface {
	TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error)
}

// refusal is why a maker's answer is refused. It is no fault of ours.
type refusal struct {
	reason protocol.Reason
	text   string
}

func (r refusal) Error() string { return string(r.reason) + ": " + r.text }

func refuse(reason protocol.Reason, format string, args ...any) error {
	return refusal{reason, fmt.Sprintf(format, args...)}
}

// verify judges what a maker opened: its coins, addresses and signature, for an
// offer and amount. pubKey is the session key as the maker sent it first. It
// returns the maker's part in the transaction, with values from our own node,
// or a refusal; any other error means that the node gave no answer (spec:
// checking ioauths).
func verify(ctx context.Context, net *chaincfg.Params, node node, m QuotedMaker, amount sats.Amount,
	pubKey string, open control.IOAuth) (txbuild.Maker, error) {
	none := txbuild.Maker{}
	// The signature binds coins to session: without it somebody between the
	// maker and us could pass on another's coins (attack T6).
	owner, err := authKey(pubKey, open)
	if err != nil {
		return none, err
	}
	part := txbuild.Maker{Fee: m.Fee, TxFee: m.Offer.TxFee}
	kind := m.Offer.Type.Script()
	if part.CJScript, err = outputScript(open.CJAddress, kind, net); err != nil {
		return none, err
	}
	if part.Change, err = outputScript(open.ChangeAddress, kind, net); err != nil {
		return none, err
	}
	if bytes.Equal(part.CJScript, part.Change) {
		return none, refuse(protocol.ReasonBadAddress, "one address for two outputs")
	}
	if part.Inputs, err = lookUp(ctx, net, node, kind, open.UTXOs); err != nil {
		return none, err
	}
	authorised := false
	for _, in := range part.Inputs {
		authorised = authorised || bytes.Equal(in.Script, owner)
		if bytes.Equal(in.Script, part.CJScript) || bytes.Equal(in.Script, part.Change) {
			return none, refuse(protocol.ReasonBadAddress, "an output returns to the address of an input")
		}
	}
	if !authorised {
		return none, refuse(protocol.ReasonForeignKey, "the authorising key owns none of the inputs")
	}
	if change, err := part.ChangeValue(amount); err != nil || change < minMakerChange {
		return none, refuse(protocol.ReasonLowChange, "the change would be %d sat", change)
	}
	return part, nil
}

// authKey checks that the maker's key signed the session key and returns the
// P2WPKH script of that key.
func authKey(pubKey string, open control.IOAuth) ([]byte, error) {
	if !protocol.IsPubKey(open.AuthPubKey) {
		return nil, refuse(protocol.ReasonBadSignature, "the authorising key is malformed")
	}
	key, err := hex.DecodeString(open.AuthPubKey)
	if err != nil {
		return nil, refuse(protocol.ReasonBadSignature, "the authorising key is malformed")
	}
	der, err := message.DecodeSignature(open.Signature)
	if err == nil {
		err = message.Verify(key, pubKey, der)
	}
	if err != nil {
		return nil, refuse(protocol.ReasonBadSignature, "the session key: %v", err)
	}
	return txbuild.Program(key), nil
}

// outputScript reads an address of the network that has the offer's type.
func outputScript(text, kind string, net *chaincfg.Params) ([]byte, error) {
	script, err := txbuild.ParseAddress(text, net)
	if err != nil {
		return nil, refuse(protocol.ReasonBadAddress, "%v", err)
	}
	if got, err := txbuild.TypeOf(script); err != nil || string(got) != kind {
		return nil, refuse(protocol.ReasonBadAddress, "an address is not of the offer's type")
	}
	return script, nil
}

// lookUp asks the node for a maker's coins: all must exist unspent, confirmed,
// mature and of the script type.
func lookUp(ctx context.Context, net *chaincfg.Params, node node, kind string, utxos []string) ([]txbuild.Input, error) {
	if len(utxos) < 1 || len(utxos) > maxMakerInputs {
		return nil, refuse(protocol.ReasonBadCoins, "%d coins, 1 to %d are allowed", len(utxos), maxMakerInputs)
	}
	var inputs []txbuild.Input
	seen := map[wire.OutPoint]bool{}
	for _, text := range utxos {
		out, err := coins.ParseOutPoint(text)
		if err != nil {
			return nil, refuse(protocol.ReasonBadCoins, "%v", err)
		}
		if seen[out] {
			return nil, refuse(protocol.ReasonBadCoins, "a coin twice")
		}
		seen[out] = true
		txOut, err := node.TxOut(ctx, out)
		if errors.Is(err, chain.ErrNoTxOut) {
			return nil, refuse(protocol.ReasonBadCoins, "a coin is spent or unknown")
		} else if err != nil {
			return nil, because(protocol.ReasonChain, fmt.Errorf("looking up a maker's coin: %w", err))
		}
		scriptType, err := txbuild.TypeOf(txOut.Script)
		switch {
		case err != nil || string(scriptType) != kind:
			return nil, refuse(protocol.ReasonBadCoins, "a coin is not of the offer's type")
		case txOut.Confirmations < 1:
			return nil, refuse(protocol.ReasonBadCoins, "a coin is not confirmed")
		case txOut.Coinbase && txOut.Confirmations < int32(net.CoinbaseMaturity):
			return nil, refuse(protocol.ReasonBadCoins, "a block reward is too young")
		case !txOut.Value.Valid():
			return nil, refuse(protocol.ReasonBadCoins, "a value out of range")
		}
		inputs = append(inputs, txbuild.Input{OutPoint: out, Value: txOut.Value, Script: txOut.Script})
	}
	return inputs, nil
}
