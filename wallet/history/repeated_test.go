package history

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// pays returns a transaction with an output of 1 sat, 2 sat and so on to each of
// the scripts; 0 stands for an output of nothing to script 'a'.
func pays(lock uint32, scripts ...byte) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.LockTime = lock
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: [32]byte{0xff}, Index: lock}, nil, nil))
	for i, script := range scripts {
		value := int64(i + 1)
		if script == 0 {
			script, value = 'a', 0
		}
		tx.AddTxOut(wire.NewTxOut(value, []byte{script}))
	}
	return tx
}

func repeated(h History) (all []wire.OutPoint) {
	h.Repeated(func(script []byte) bool { return script[0] != '-' }, func(o Output) { all = append(all, o.OutPoint) })
	return all
}

func TestW12Repeated(t *testing.T) {
	first := pays(1, 'a', '-', 'b')
	twice := pays(2, 'c', 'c', '-', 'c')
	dust := pays(3, '-', 'a')
	nothing := pays(4, 0, 'd')
	late := pays(5, 'd', 'e')
	out := func(tx *wire.MsgTx, index uint32) wire.OutPoint {
		return wire.OutPoint{Hash: tx.TxHash(), Index: index}
	}
	h := History{}.Apply(update(0, chain.Tx{Msg: first, Block: at(1)}, chain.Tx{Msg: twice, Block: at(2)},
		chain.Tx{Msg: dust, Block: at(3)}, chain.Tx{Msg: nothing}, chain.Tx{Msg: late}))
	want := []wire.OutPoint{out(twice, 1), out(twice, 3), out(dust, 1), out(late, 0)}
	if got := repeated(h); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// A reorganisation brings the other payment first.
	h = h.Apply(update(0, chain.Tx{Msg: dust, Block: at(1)}, chain.Tx{Msg: first, Block: at(2)}))
	if got := repeated(h); !slices.Equal(got, []wire.OutPoint{out(first, 0)}) {
		t.Errorf("after a reorganisation: %v", got)
	}
}

// TestW12RepeatedAtRandom: of the payments to one script all but one repeat it.
func TestW12RepeatedAtRandom(t *testing.T) {
	for range 200 {
		var h History
		count := make(map[byte]int)
		var txs []chain.Tx
		for i := range 1 + rand.Uint32N(20) {
			scripts := make([]byte, 1+rand.IntN(4))
			for j := range scripts {
				scripts[j] = "abcd-"[rand.IntN(5)]
				count[scripts[j]]++
			}
			txs = append(txs, chain.Tx{Msg: pays(i, scripts...), Block: at(int32(i + 1))})
		}
		delete(count, '-')
		want := 0
		for _, n := range count {
			want += n - 1
		}
		if got := repeated(h.Apply(update(0, txs...))); len(got) != want {
			t.Fatalf("%d payments repeat one, want %d", len(got), want)
		}
	}
}
