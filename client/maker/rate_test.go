package maker

import (
	"context"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// altered is a node with other answers about some coins.
type altered struct {
	Node
	outs map[wire.OutPoint]chain.TxOut // the zero one: there is none
	rate sats.Amount
}

func (n altered) MinFeeRate(context.Context) (sats.Amount, error) { return n.rate, nil }
func (n altered) TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if found, ok := n.outs[out]; ok {
		if found.Script == nil {
			return found, chain.ErrNoTxOut
		}
		return found, nil
	}
	return n.Node.TxOut(ctx, out)
}

// askToSign has the transaction of the first case judged on a node.
func askToSign(t *testing.T, least sats.Amount, node func(Node) altered) (refused protocol.Reason, err error) {
	t.Helper()
	m, w, e := firstCase(t)
	m.cfg.MinFeeRate = least
	d := &notes{}
	m.event(t.Context(), d, e)
	tx := firstTx(t, last[control.IOAuthRequest](t, d).IOAuth)
	m.cfg.Node = node(w)
	m.cfg.Notify = func(e Event) {
		if r, is := e.(Refused); is {
			err = r.Err
		}
	}
	m.event(t.Context(), d, control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: serialise(t, tx)})
	switch told := d.told[len(d.told)-1].(type) {
	case control.RefuseRequest:
		return told.Reason, err
	case control.SigsRequest:
		return "", nil
	}
	t.Fatalf("told %+v", d.told)
	return "", nil
}

// TestM17FeeRateFloor: a transaction that would not be relayed, or pays less
// than we demand, is not signed. Its fee is 900 sat for 240 vbytes.
func TestM17FeeRateFloor(t *testing.T) {
	for _, c := range []struct {
		name        string
		least, node sats.Amount
		taker       sats.Amount // what the taker puts in
		want        protocol.Reason
	}{
		{"enough", 0, 1000, 1_001_000, ""},
		{"more demanded", 5000, 1000, 1_001_000, protocol.ReasonBadTx},
		{"our demand met", 3700, 1000, 1_001_000, ""},
		{"the node's mempool is full", 0, 5000, 1_001_000, protocol.ReasonBadTx},
		{"nothing for the miners", 0, 100, 1_000_100, protocol.ReasonBadTx},
		{"more out than in", 0, 0, 900_000, protocol.ReasonBadTx},
	} {
		got, err := askToSign(t, c.least, func(n Node) altered {
			out := takersCoin
			out.Value = c.taker
			return altered{n, map[wire.OutPoint]chain.TxOut{input(99).PreviousOutPoint: out}, c.node}
		})
		if got != c.want || got != "" && !errors.Is(err, ErrRate) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

// TestM21ValuesFromOurNode: nothing is signed for a coin that our node knows
// otherwise, or for a transaction with an input that it does not know.
func TestM21ValuesFromOurNode(t *testing.T) {
	_, w, _ := firstCase(t)
	own := w.coins[1]
	good := chain.TxOut{Value: own.Value, Script: own.Script, Confirmations: 1}
	for name, c := range map[string]struct {
		at     wire.OutPoint
		change func(*chain.TxOut)
		want   protocol.Reason
	}{
		"as the wallet says": {own.OutPoint, func(*chain.TxOut) {}, ""},
		"another value":      {own.OutPoint, func(o *chain.TxOut) { o.Value++ }, protocol.ReasonBadCoins},
		"another script":     {own.OutPoint, func(o *chain.TxOut) { o.Script = p2wpkh(5) }, protocol.ReasonBadCoins},
		"unconfirmed":        {own.OutPoint, func(o *chain.TxOut) { o.Confirmations = 0 }, protocol.ReasonBadCoins},
		"spent":              {own.OutPoint, func(o *chain.TxOut) { o.Script = nil }, protocol.ReasonBadCoins},
		"taker's is spent":   {input(99).PreviousOutPoint, func(o *chain.TxOut) { o.Script = nil }, protocol.ReasonBadCoins},
	} {
		out := good
		c.change(&out)
		if got, err := askToSign(t, 0, func(n Node) altered { return altered{n, map[wire.OutPoint]chain.TxOut{c.at: out}, 1000} }); got != c.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

// TestM25OwnCoins: a commitment to a coin of our own is not answered, whoever
// makes it: we would join with ourselves.
func TestM25OwnCoins(t *testing.T) {
	m, w, e := firstCase(t)
	proof, err := podleOf(e)
	if err != nil {
		t.Fatal(err)
	}
	own := w.coins[0]
	own.OutPoint = proof
	w.coins = append(w.coins, own)
	d := &notes{}
	m.event(t.Context(), d, e)
	if r := last[control.RefuseRequest](t, d); r.Reason != protocol.ReasonTakerCoin || w.leases.Len() != 0 {
		t.Errorf("%+v, and %d coins are set aside", r, w.leases.Len())
	}
}

func podleOf(e control.AuthEvent) (wire.OutPoint, error) {
	proof, err := podle.ParseRevelation(e.Revelation)
	return proof.UTXO, err
}
