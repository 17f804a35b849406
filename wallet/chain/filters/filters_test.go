package filters

import (
	"encoding/binary"
	"testing"
	"time"

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
		if got, err := Match(c.raw, block, c.watched); err != nil || got != c.want {
			t.Errorf("Match(%x, %x) = %t, %v", c.raw, c.watched, got, err)
		}
	}
}

// TestA12HugeFilter: a filter that claims four billion elements would take up
// as much memory.
func TestA12HugeFilter(t *testing.T) {
	huge := append([]byte{0xfe, 0xff, 0xff, 0xff, 0xff}, make([]byte, 100)...)
	if got, err := Match(huge, block, [][]byte{script(1)}); err == nil {
		t.Errorf("%t, want an error", got)
	}
	for _, bad := range [][]byte{{0xfd}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {5}} {
		if got, err := Match(bad, block, [][]byte{script(1)}); err == nil {
			t.Errorf("Match(%x) = %t, want an error", bad, got)
		}
	}
}

// FuzzMatch: any bytes are an answer or an error, and whatever the filter was
// made from is found in it.
func FuzzMatch(f *testing.F) {
	f.Add(filter(f, 1, 2), uint32(1))
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0}, uint32(7))
	f.Fuzz(func(t *testing.T, raw []byte, number uint32) {
		Match(raw, block, [][]byte{script(number)})
		if got, err := Match(filter(t, number, number+1), block, [][]byte{script(number)}); !got || err != nil {
			t.Errorf("script %d is not found: %t, %v", number, got, err)
		}
	})
}

// Scripts are found in what a transaction pays, and in what it spends
// by its signature.
func TestWatched(t *testing.T) {
	var w Watched
	branch := func(count uint32, birth time.Time) []chain.Branch {
		return []chain.Branch{{Count: count, Birth: birth, Script: func(i uint32) ([]byte, error) { return script(i), nil }}}
	}
	born := time.Unix(1_700_000_000, 0)
	for _, step := range []struct {
		count uint32
		birth time.Time
		added int
		first time.Time
	}{
		{3, born, 3, born},
		{2, born.Add(time.Hour), 0, born},
		{5, born.Add(-time.Hour), 2, born.Add(-time.Hour)},
	} {
		added, err := w.Add(branch(step.count, step.birth))
		if err != nil || len(added) != step.added {
			t.Errorf("%d scripts: %d new, %v; want %d", step.count, len(added), err, step.added)
		}
		if _, first := w.List(); !first.Equal(step.first) {
			t.Errorf("%d scripts: birth %s, want %s", step.count, first, step.first)
		}
	}
	if list, _ := w.List(); len(list) != 5 {
		t.Errorf("%d scripts, want 5", len(list))
	}
	for number, want := range map[uint32]bool{4: true, 5: false} {
		tx := wire.NewMsgTx(2)
		tx.AddTxOut(wire.NewTxOut(1000, script(number)))
		if got := w.Relevant(tx); got != want {
			t.Errorf("payment to script %d: relevant %t", number, got)
		}
	}
	if _, err := w.Add(branch(maxCount+1, born)); err == nil {
		t.Error("a branch without bounds is accepted")
	}
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
		if _, err := Match(raw, block, watched); err != nil {
			b.Fatal(err)
		}
	}
}
