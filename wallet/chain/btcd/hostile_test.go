package btcd

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"
	"github.com/btcsuite/btcd/btcutil/v2/gcs/builder"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

var block = chainhash.Hash{1, 2, 3}

// script of a P2WPKH output.
func script(number uint32) []byte {
	s := make([]byte, 22)
	s[1] = 20
	binary.BigEndian.PutUint32(s[2:], number)
	return s
}

// filter of a block that touches scripts.
func filter(t testing.TB, numbers ...uint32) []byte {
	t.Helper()
	var touched [][]byte
	for _, n := range numbers {
		touched = append(touched, script(n))
	}
	f, err := gcs.BuildGCSFilter(builder.DefaultP, builder.DefaultM, builder.DeriveKey(&block), touched)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.NBytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestMatch(t *testing.T) {
	raw := filter(t, 1, 2, 3, 4, 5)
	for _, c := range []struct {
		raw     []byte
		watched [][]byte
		want    bool
	}{
		{raw, [][]byte{script(3)}, true},
		{raw, [][]byte{script(6), script(7), script(8), script(5)}, true},
		{raw, [][]byte{script(6)}, false},
		{raw, nil, false},
		{filter(t), [][]byte{script(3)}, false},
		{nil, [][]byte{script(3)}, false},
	} {
		if got, err := match(c.raw, block, c.watched); err != nil || got != c.want {
			t.Errorf("match(%x, %x) = %t, %v", c.raw, c.watched, got, err)
		}
	}
}

// TestA12HugeFilter: a filter that claims four billion elements would take up
// as much memory.
func TestA12HugeFilter(t *testing.T) {
	huge := append([]byte{0xfe, 0xff, 0xff, 0xff, 0xff}, make([]byte, 100)...)
	if got, err := match(huge, block, [][]byte{script(1)}); err == nil {
		t.Errorf("%t, want an error", got)
	}
	for _, bad := range [][]byte{{0xfd}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {5}} {
		if got, err := match(bad, block, [][]byte{script(1)}); err == nil {
			t.Errorf("match(%x) = %t, want an error", bad, got)
		}
	}
}

// FuzzMatch: any bytes are an answer or an error, and whatever the filter was
// made from is found in it.
func FuzzMatch(f *testing.F) {
	f.Add(filter(f, 1, 2), uint32(1))
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0}, uint32(7))
	f.Fuzz(func(t *testing.T, raw []byte, number uint32) {
		match(raw, block, [][]byte{script(number)})
		if got, err := match(filter(t, number, number+1), block, [][]byte{script(number)}); !got || err != nil {
			t.Errorf("script %d is not found: %t, %v", number, got, err)
		}
	})
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
	added, err := b.scripts.add([]chain.Branch{{Count: count, Script: func(i uint32) ([]byte, error) { return script(i), nil }}})
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

func BenchmarkMatch(b *testing.B) {
	var numbers []uint32
	for i := range uint32(5000) { // as in a full block
		numbers = append(numbers, 1_000_000+i)
	}
	raw := filter(b, numbers...)
	var watched [][]byte
	for i := range uint32(2000) {
		watched = append(watched, script(i))
	}
	for b.Loop() {
		if _, err := match(raw, block, watched); err != nil {
			b.Fatal(err)
		}
	}
}
