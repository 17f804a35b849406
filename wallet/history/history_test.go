package history

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// tx returns a transaction that is told from others by its output value.
func tx(value int64, spends ...wire.OutPoint) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	if spends == nil {
		spends = []wire.OutPoint{{Hash: [32]byte{0xff}, Index: uint32(value)}}
	}
	for _, out := range spends {
		tx.AddTxIn(wire.NewTxIn(&out, nil, nil))
	}
	tx.AddTxOut(wire.NewTxOut(value, []byte{0x51}))
	return tx
}

func at(height int32) chain.BlockID {
	if height == 0 {
		return chain.BlockID{}
	}
	return chain.BlockID{Height: height, Hash: chainhash.Hash{byte(height)}}
}

func update(fork int32, txs ...chain.Tx) chain.Update {
	return chain.Update{Fork: at(fork), Txs: txs}
}

// contents lists value and height of all outputs.
func contents(h History) (all [][2]int64) {
	h.Outputs(func(o Output) { all = append(all, [2]int64{o.Value, int64(o.Height)}) })
	return all
}

func check(t *testing.T, what string, h History, want ...[2]int64) {
	t.Helper()
	if got := contents(h); !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestApply(t *testing.T) {
	var h History
	h = h.Apply(update(0, chain.Tx{Msg: tx(1), Block: at(1)}, chain.Tx{Msg: tx(2), Block: at(2)}, chain.Tx{Msg: tx(3)}))
	check(t, "first", h, [2]int64{1, 1}, [2]int64{2, 2}, [2]int64{3, 0})

	before := h
	h = h.Apply(update(2, chain.Tx{Msg: tx(3), Block: at(3)}, chain.Tx{Msg: tx(4)}))
	check(t, "confirmed", h, [2]int64{1, 1}, [2]int64{2, 2}, [2]int64{3, 3}, [2]int64{4, 0})
	check(t, "D4: evicted", h.Apply(update(3)), [2]int64{1, 1}, [2]int64{2, 2}, [2]int64{3, 3})
	check(t, "D5: reorganised", h.Apply(update(1, chain.Tx{Msg: tx(3), Block: at(2)}, chain.Tx{Msg: tx(2)})),
		[2]int64{1, 1}, [2]int64{3, 2}, [2]int64{2, 0})
	check(t, "from the beginning", h.Apply(update(0, chain.Tx{Msg: tx(9), Block: at(1)})), [2]int64{9, 1})
	check(t, "reported twice", h.Apply(update(3, chain.Tx{Msg: tx(1), Block: at(1)}, chain.Tx{Msg: tx(5)}, chain.Tx{Msg: tx(5)})),
		[2]int64{1, 1}, [2]int64{2, 2}, [2]int64{3, 3}, [2]int64{5, 0})
	check(t, "the old one", before, [2]int64{1, 1}, [2]int64{2, 2}, [2]int64{3, 0})
}

func TestSpentAndCoinbase(t *testing.T) {
	parent := tx(1)
	out := wire.OutPoint{Hash: parent.TxHash()}
	reward := tx(7, wire.OutPoint{Index: wire.MaxPrevOutIndex})
	h := History{}.Apply(update(0, chain.Tx{Msg: reward, Block: at(1)}, chain.Tx{Msg: parent, Block: at(1)}, chain.Tx{Msg: tx(2, out)}))
	if !h.Spent()[out] || h.Spent()[wire.OutPoint{Hash: reward.TxHash()}] {
		t.Error("the wrong output is spent")
	}
	h.Outputs(func(o Output) {
		if o.Coinbase != (o.Value == 7) {
			t.Errorf("output of %d sat: coinbase %v", o.Value, o.Coinbase)
		}
	})
}

func BenchmarkApply(b *testing.B) {
	var txs []chain.Tx
	for i := range int64(10_000) {
		txs = append(txs, chain.Tx{Msg: tx(i + 1), Block: at(int32(i + 1))})
	}
	h := History{}.Apply(update(0, txs...))
	next := update(10_000, chain.Tx{Msg: tx(20_000)})
	for b.Loop() {
		h.Apply(next).Spent()
	}
}
