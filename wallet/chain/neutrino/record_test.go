package neutrino

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/btcsuite/btcwallet/walletdb"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// ours is the script of all outputs.
var ours = []byte{0x51}

// spending makes a transaction of outputs 0 of others.
func spending(value int64, of ...*wire.MsgTx) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for _, from := range of {
		hash := from.TxHash()
		tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&hash, 0), nil, nil))
	}
	tx.AddTxOut(wire.NewTxOut(value, ours))
	return tx
}

func coin(value int64) *wire.MsgTx {
	tx := spending(value)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{1}}, nil, nil))
	return tx
}

// with is a record that is searched up to a height, with transactions in the
// block at another.
func with(to, at int32, txs ...*wire.MsgTx) *record {
	r := &record{extent: extent{to: chain.BlockID{Height: to}}}
	r.scripts.Add(ours)
	confirm(r, at, txs...)
	return r
}

func confirm(r *record, at int32, txs ...*wire.MsgTx) {
	for i, tx := range txs {
		block := chain.BlockID{Height: at, Hash: chainhash.Hash{byte(at)}}
		r.add([]found{{Tx: chain.Tx{Msg: tx, Block: block, Time: time.Unix(1_700_000_000, 0)}, position: int32(i)}})
	}
}

func TestPending(t *testing.T) {
	a, b := coin(1000), coin(2000)
	spendA := spending(900, a)
	child := spending(800, spendA)
	replacedA := spending(850, a)
	both := spending(2500, child, b)
	spendB := spending(1900, b)
	foreign := spending(1, a)
	for name, test := range map[string]struct {
		sent, confirmed, want []*wire.MsgTx
	}{
		"nothing":                    {},
		"chain":                      {sent: []*wire.MsgTx{spendA, child}, want: []*wire.MsgTx{spendA, child}},
		"confirmed parent":           {[]*wire.MsgTx{spendA, child}, []*wire.MsgTx{spendA}, []*wire.MsgTx{child}},
		"replaced with child":        {sent: []*wire.MsgTx{spendA, child, replacedA}, want: []*wire.MsgTx{replacedA}},
		"conflict":                   {[]*wire.MsgTx{spendA, child}, []*wire.MsgTx{foreign}, nil},
		"conflict frees other coins": {[]*wire.MsgTx{spendA, child, spendB, both}, []*wire.MsgTx{foreign}, []*wire.MsgTx{spendB}},
		"replaced one confirmed":     {[]*wire.MsgTx{spendA, replacedA}, []*wire.MsgTx{spendA}, nil},
	} {
		r := with(200, 10, a, b)
		confirm(r, 11, test.confirmed...)
		for _, tx := range test.sent {
			r.send(chain.Tx{Msg: tx})
		}
		var got []*wire.MsgTx
		for _, tx := range r.pending() {
			got = append(got, tx.Msg)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %d pending, want %d", name, len(got), len(test.want))
		}
		// When the blocks are undone, all is as before them.
		r.recent = make([]chainhash.Hash, maxReorg)
		r.rewind(10)
		before := with(10, 10, a, b)
		before.sent = r.sent
		if len(r.pending()) != len(before.pending()) || len(r.txs) != 2 {
			t.Errorf("%s, undone: %d pending and %d in blocks", name, len(r.pending()), len(r.txs))
		}
	}
}

func TestSettled(t *testing.T) {
	a := coin(1000)
	sent, other := spending(900, a), spending(800, a)
	for _, in := range []*wire.MsgTx{sent, other} {
		for to, want := range map[int32]int{11: 0, 11 + maxReorg - 1: 0, 11 + maxReorg: 1} {
			r := with(to, 10, a)
			confirm(r, 11, in)
			r.send(chain.Tx{Msg: sent})
			if got := r.settled(); len(got) != want {
				t.Errorf("%d blocks above: %d settled, want %d", to-11, len(got), want)
			}
		}
	}
}

func TestCoinbase(t *testing.T) {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, []byte{1, 2}, nil))
	tx.AddTxOut(wire.NewTxOut(5000, ours))
	hash := tx.TxHash()
	out, err := with(12, 10, tx).txOut(*wire.NewOutPoint(&hash, 0))
	if err != nil || !out.Coinbase || out.Confirmations != 3 || out.Value != 5000 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestExtent(t *testing.T) {
	e := extent{from: 7, to: chain.BlockID{Height: 7}, recent: []chainhash.Hash{{}}}
	for height := range int32(3 * maxReorg / 10) {
		var blocks []chainhash.Hash
		for i := range 10 {
			blocks = append(blocks, chainhash.Hash{byte(height), byte(i)})
		}
		e = e.through(blocks)
	}
	last := chain.BlockID{Height: 7 + 3*maxReorg, Hash: chainhash.Hash{3*maxReorg/10 - 1, 9}}
	if e.to != last || len(e.recent) != maxReorg || e.from != 7 {
		t.Errorf("to %v with %d blocks, want %v with %d", e.to, len(e.recent), last, maxReorg)
	}
	back := e.back(last.Height - 6)
	want := chain.BlockID{Height: last.Height - 6, Hash: chainhash.Hash{3*maxReorg/10 - 1, 3}}
	if back.to != want || len(back.recent) != maxReorg-6 {
		t.Errorf("back to %v with %d blocks, want %v", back.to, len(back.recent), want)
	}
}

// change opens the database of a folder and changes its record.
func change(t *testing.T, dir string, do func(walletdb.ReadWriteBucket) error) {
	t.Helper()
	db, _, err := openStore(dir, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := (&Backend{db: db, ctx: t.Context()}).change(do); err != nil {
		t.Fatal(err)
	}
}

func reopen(t *testing.T, dir string) (r record, err error) {
	t.Helper()
	db, r, err := openStore(dir, &chaincfg.RegressionNetParams)
	if err == nil {
		db.Close()
	}
	return r, err
}

// What is written is read again.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	a := coin(1000)
	spent, sent := spending(900, a), spending(800, a)
	want := with(12, 10, a)
	confirm(want, 12, spent)
	want.from, want.recent = 3, []chainhash.Hash{{10}, {11}, {12}}
	want.to.Hash = chainhash.Hash{12}
	want.send(chain.Tx{Msg: sent, Time: time.Unix(5, 6)})
	change(t, dir, func(r walletdb.ReadWriteBucket) error {
		return errors.Join(saveSearch(r, want.extent, [][]byte{ours}, want.txs), saveSent(r, want.sent[0]))
	})
	check := func(what string, want *record) {
		t.Helper()
		got, err := reopen(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if got.from != want.from || got.to != want.to || !slices.Equal(got.recent, want.recent) {
			t.Errorf("%s: extent %+v, want %+v", what, got.extent, want.extent)
		}
		if !slices.EqualFunc(got.scripts.List(), want.scripts.List(), bytes.Equal) {
			t.Errorf("%s: scripts %x", what, got.scripts.List())
		}
		same := func(x, y found) bool { return x.compare(y) == 0 && sameTx(x.Tx, y.Tx) }
		if !slices.EqualFunc(got.txs, want.txs, same) || !slices.EqualFunc(got.sent, want.sent, sameTx) {
			t.Errorf("%s: %+v and %+v, want %+v and %+v", what, got.txs, got.sent, want.txs, want.sent)
		}
	}
	check("written", want)

	want.rewind(11)
	change(t, dir, func(r walletdb.ReadWriteBucket) error { return saveRewind(r, want.extent) })
	check("rewound", want)

	change(t, dir, saveRestart)
	check("begun anew", &record{sent: want.sent})

	change(t, dir, func(r walletdb.ReadWriteBucket) error { return deleteSent(r, []chainhash.Hash{sent.TxHash()}) })
	check("empty", &record{})
}

func sameTx(x, y chain.Tx) bool {
	return x.Msg.TxHash() == y.Msg.TxHash() && x.Block == y.Block && x.Time.Equal(y.Time)
}

func TestDamagedStore(t *testing.T) {
	for name, damage := range map[string]func(walletdb.ReadWriteBucket) error{
		"newer":        func(r walletdb.ReadWriteBucket) error { return r.Put(keyFormat, []byte{storeVersion + 1}) },
		"no version":   func(r walletdb.ReadWriteBucket) error { return r.Put(keyFormat, nil) },
		"short extent": func(r walletdb.ReadWriteBucket) error { return r.Put(keyExtent, []byte{1, 2, 3}) },
		"cut extent":   func(r walletdb.ReadWriteBucket) error { return r.Put(keyExtent, make([]byte, 8+33)) },
		"transaction": func(r walletdb.ReadWriteBucket) error {
			return r.NestedReadWriteBucket(bucketTx).Put(make([]byte, 8), ours)
		},
		"height": func(r walletdb.ReadWriteBucket) error {
			return r.NestedReadWriteBucket(bucketTx).Put(ours, make([]byte, 60))
		},
		"short sent": func(r walletdb.ReadWriteBucket) error { return r.NestedReadWriteBucket(bucketSent).Put(ours, ours) },
		"sent nonsense": func(r walletdb.ReadWriteBucket) error {
			return r.NestedReadWriteBucket(bucketSent).Put(ours, make([]byte, 20))
		},
	} {
		dir := t.TempDir()
		change(t, dir, damage)
		if r, err := reopen(t, dir); err == nil {
			t.Errorf("%s: read as %+v", name, r)
		}
	}
}

// FuzzRecord: any bytes are a transaction or an error, and a transaction is
// written so that it is read the same.
func FuzzRecord(f *testing.F) {
	var raw bytes.Buffer
	if err := coin(1000).Serialize(&raw); err != nil {
		f.Fatal(err)
	}
	f.Add(make([]byte, 8), append(make([]byte, 40), raw.Bytes()...))
	f.Add([]byte{}, append(make([]byte, 8), raw.Bytes()...))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		var r record
		if r.readTx(key, value) == nil {
			key, value, err := r.txs[0].encode()
			if err == nil {
				err = r.readTx(key, value)
			}
			if err != nil || r.txs[0].compare(r.txs[1]) != 0 || !sameTx(r.txs[0].Tx, r.txs[1].Tx) {
				t.Errorf("%x, %x: %v, %+v", key, value, err, r.txs)
			}
		}
		if r.readSent(key, value) == nil && len(r.sent) != 1 {
			t.Error("nothing sent and no error")
		}
		r.index()
		r.pending()
	})
}
