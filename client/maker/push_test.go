package maker

import (
	"bytes"
	"context"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// relay is a node that keeps what is broadcast.
type relay struct {
	Node
	sent []*wire.MsgTx
}

func (r *relay) Broadcast(_ context.Context, tx *wire.MsgTx) error {
	r.sent = append(r.sent, tx)
	return nil
}

func TestM23Push(t *testing.T) {
	m, w, e := firstCase(t)
	node := &relay{Node: w}
	m.cfg.Node = node
	d := &notes{}
	m.event(t.Context(), d, e)
	tx := firstTx(t, last[control.IOAuthRequest](t, d).IOAuth)
	m.event(t.Context(), d, control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: serialise(t, tx)})
	if err := m.cfg.Wallet.SignTx(tx, m.talks[e.Conversation].agreement.Inputs); err != nil {
		t.Fatal(err)
	}
	tx.TxIn[0].Witness = wire.TxWitness{make([]byte, 72), make([]byte, 33)} // the taker's

	for name, change := range map[string]func(*wire.MsgTx){
		"a stranger's":       func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint.Index++ },
		"other output":       func(tx *wire.MsgTx) { tx.TxOut[0].Value++ },
		"other version":      func(tx *wire.MsgTx) { tx.Version++ },
		"other lock time":    func(tx *wire.MsgTx) { tx.LockTime++ },
		"one input unsigned": func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil },
		"not signed at all":  func(tx *wire.MsgTx) { tx.TxIn[0].Witness, tx.TxIn[1].Witness = nil, nil },
		"a script as well":   func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = []byte{1} },
	} {
		changed := tx.Copy()
		change(changed)
		m.event(t.Context(), d, control.PushEvent{Taker: e.Taker, Tx: serialise(t, changed)})
		if len(node.sent) > 0 {
			t.Errorf("%s: it was broadcast", name)
			node.sent = nil
		}
	}
	whole := serialise(t, tx)
	for n := range len(whole) {
		m.event(t.Context(), d, control.PushEvent{Taker: e.Taker, Tx: whole[:n]})
	}
	m.event(t.Context(), d, control.PushEvent{Taker: e.Taker, Tx: append(bytes.Clone(whole), 0)})
	if len(node.sent) > 0 {
		t.Error("a part of the transaction was broadcast")
	}
	m.event(t.Context(), d, control.PushEvent{Taker: "J5other111111111", Tx: whole})
	if len(node.sent) != 1 || !bytes.Equal(serialise(t, node.sent[0]), whole) {
		t.Errorf("the transaction we signed was not broadcast as it was pushed")
	}
}

// FuzzComplete: what is read as the signed transaction encodes back to the same
// bytes, and is the transaction without its witnesses.
func FuzzComplete(f *testing.F) {
	d := newDeal()
	var raw bytes.Buffer
	if err := d.tx.Serialize(&raw); err != nil {
		f.Fatal(err)
	}
	signed := d.tx.Copy()
	for _, in := range signed.TxIn {
		in.Witness = wire.TxWitness{{1, 2, 3}, {}}
	}
	var seed bytes.Buffer
	if err := signed.Serialize(&seed); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	f.Fuzz(func(t *testing.T, pushed []byte) {
		tx, ok := complete(d.tx, raw.Bytes(), pushed)
		if !ok {
			return
		}
		if !bytes.Equal(serialise(t, tx), pushed) || tx.TxHash() != d.tx.TxHash() {
			t.Fatalf("%x was read as %x", pushed, serialise(t, tx))
		}
	})
}
