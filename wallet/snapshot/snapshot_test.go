package snapshot

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/history"
)

// sample returns a snapshot with n scripts and transactions of a CoinJoin's
// size.
func sample(n int) Snapshot {
	s := Snapshot{Tip: chain.Tip{BlockID: block(n), MedianTime: time.Unix(1_700_000_000, 0)}, Scripts: make([]Script, n)}
	txs := make([]history.Tx, n)
	for i := range n {
		script := append([]byte{0, 20}, make([]byte, 20)...)
		script[2], script[3] = byte(i), byte(i>>8)
		s.Scripts[i] = Script{Mixdepth: uint32(i % 5), Branch: uint32(i % 2), Index: uint32(i), Locktime: uint32(7 * i), Script: script}
		tx := wire.NewMsgTx(2)
		for j := range 12 {
			tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{byte(i), byte(i >> 8), byte(j)}, Index: uint32(j)}, nil, nil))
		}
		for j := range 16 {
			tx.AddTxOut(wire.NewTxOut(int64(j), bytes.Clone(script)))
		}
		txs[i] = history.Tx{ID: tx.TxHash(), Tx: chain.Tx{Msg: tx, Block: block(i), Time: time.Unix(1_600_000_000+int64(i), 0)}}
	}
	s.History = history.Of(txs)
	return s
}

func block(height int) chain.BlockID {
	if height == 0 {
		return chain.BlockID{}
	}
	return chain.BlockID{Height: int32(height), Hash: chainhash.Hash{byte(height), 1}}
}

func encode(t testing.TB, s Snapshot) []byte {
	t.Helper()
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadsBack(t *testing.T) {
	for _, n := range []int{0, 1, 7} {
		want := sample(n)
		got, err := Decode(encode(t, want))
		if err != nil {
			t.Fatal(err)
		}
		if got.Tip != want.Tip || !reflect.DeepEqual(got.Scripts, want.Scripts) || got.History.Len() != n {
			t.Errorf("%+v, want %+v", got, want)
		}
		next := want.History.All()
		for tx := range got.History.All() {
			for other := range next {
				if tx.ID == other.ID && (tx.Msg.TxHash() != tx.ID || tx.Block != other.Block || !tx.Time.Equal(other.Time)) {
					t.Errorf("%+v, want %+v", tx, other)
				}
			}
		}
	}
}

// Witnesses are left out, and what tells transactions apart stays.
func TestWitnessIsLeftOut(t *testing.T) {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, wire.TxWitness{make([]byte, 500)}))
	tx.AddTxOut(wire.NewTxOut(5, []byte{1}))
	data := encode(t, Snapshot{History: history.Of([]history.Tx{{ID: tx.TxHash(), Tx: chain.Tx{Msg: tx}}})})
	s, err := Decode(data)
	if err != nil || len(data) > 400 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	for got := range s.History.All() {
		if got.ID != tx.TxHash() || got.Msg.TxHash() != got.ID || got.Msg.HasWitness() {
			t.Errorf("%+v", got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	data := encode(t, sample(3))
	for n := range data {
		if _, err := Decode(data[:n]); !errors.Is(err, ErrFormat) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := Decode(append(bytes.Clone(data), 0)); !errors.Is(err, ErrFormat) {
		t.Errorf("a byte more: %v", err)
	}
	data[0] = version + 1
	if _, err := Decode(data); !errors.Is(err, ErrFormat) {
		t.Errorf("another version: %v", err)
	}
	// Damage never leads to a panic, nor to giant counts.
	for range 2000 {
		bad := encode(t, sample(2))
		bad[rand.IntN(len(bad))] ^= 1 << rand.IntN(8)
		Decode(bad)
	}
	if _, err := (Snapshot{Scripts: []Script{{Script: make([]byte, 256)}}}).Encode(); err == nil {
		t.Error("a long script is written")
	}
}

// FuzzDecode: what parses writes back byte for byte.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, sample(0)))
	f.Add(encode(f, sample(2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data)
		if err != nil {
			return
		}
		if again := encode(t, s); !bytes.Equal(again, data) {
			t.Fatalf("%x\nbecame\n%x", data, again)
		}
	})
}

func BenchmarkDecode10000(b *testing.B) {
	data := encode(b, sample(10_000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
