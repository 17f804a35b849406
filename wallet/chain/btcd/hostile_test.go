package btcd

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// script of a P2WPKH output.
func script(number uint32) []byte {
	s := make([]byte, 22)
	s[1] = 20
	binary.BigEndian.PutUint32(s[2:], number)
	return s
}

// payment of a script by nobody.
func payment(to uint32, coin byte) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{coin}}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(1000, script(to)))
	return tx
}

func watching(t testing.TB, count uint32) *Backend {
	t.Helper()
	b := &Backend{changes: make(chan struct{}, 1), mempool: newMempool()}
	watch(t, b, count)
	return b
}

func watch(t testing.TB, b *Backend, count uint32) {
	t.Helper()
	added, err := b.scripts.Add([]chain.Branch{{Count: count, Script: func(i uint32) ([]byte, error) { return script(i), nil }}})
	if err != nil {
		t.Fatal(err)
	}
	b.mempool.judgeAgain(added)
}

func (b *Backend) hear(t testing.TB, tx *wire.MsgTx) (changed bool) {
	t.Helper()
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	b.take(notice{Method: "txacceptedverbose", Params: []json.RawMessage{
		json.RawMessage(`{"hex":"` + hex.EncodeToString(raw.Bytes()) + `"}`),
	}})
	select {
	case <-b.changes:
		return true
	default:
		return false
	}
}

// Only what concerns the wallet is passed on: on a busy network the wallet
// would do nothing else.
func TestNotices(t *testing.T) {
	b := watching(t, 3)
	ours, foreign, later := payment(2, 1), payment(9, 2), payment(4, 3)
	for _, step := range []struct {
		name string
		tx   *wire.MsgTx
		want bool
	}{
		{"ours", ours, true},
		{"again", ours, false},
		{"foreign", foreign, false},
		{"not ours yet", later, false},
		{"conflict with ours", payment(8, 1), true},
		{"conflict with foreign", payment(8, 2), false},
	} {
		if got := b.hear(t, step.tx); got != step.want {
			t.Errorf("%s: changed %t", step.name, got)
		}
	}
	if txs := b.mempool.list(); len(txs) != 1 || txs[0].Msg.TxHash() != ours.TxHash() {
		t.Errorf("ours are %+v", txs)
	}

	// With more scripts, the transaction that touches them is read again.
	watch(t, b, 5)
	ids := []chainhash.Hash{ours.TxHash(), foreign.TxHash(), later.TxHash()}
	if unknown := b.mempool.keep(ids); len(unknown) != 1 || unknown[0] != later.TxHash() {
		t.Errorf("to read again: %v, want %v", unknown, later.TxHash())
	}
	// What is no longer listed has gone.
	b.mempool.keep(ids[1:])
	if txs := b.mempool.list(); len(txs) != 0 {
		t.Errorf("still ours: %+v", txs)
	}
	if b.hear(t, payment(8, 1)) {
		t.Error("a conflict with what has gone matters")
	}
}

// FuzzNotice: whatever a node sends is harmless, and changes nothing that it
// does not name.
func FuzzNotice(f *testing.F) {
	f.Add(`{"method":"txacceptedverbose","params":[{"hex":"00"}],"id":null}`)
	f.Add(`{"method":"blockconnected","params":["00",1,2],"id":null}`)
	f.Add(`{"method":"txacceptedverbose","params":[],"id":null}`)
	// A transaction with one input and one output.
	f.Add(`{"method":"txacceptedverbose","params":[{"hex":"02000000` + `01` + strings.Repeat("11", 32) + `00000000` +
		`03025151` + `ffffffff` + `01` + `e803000000000000` + `0151` + `00000000"}],"id":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		b := watching(t, 3)
		var n notice
		if json.Unmarshal([]byte(text), &n) != nil {
			return
		}
		b.take(n)
		if len(b.changes) != 0 && n.Method != "blockconnected" && n.Method != "blockdisconnected" && len(b.mempool.ours) != 1 {
			t.Errorf("changed by %s", text)
		}
	})
}
