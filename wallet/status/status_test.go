package status

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// paying returns a transaction with these outputs, each to a script of its own
// unless scripts says otherwise.
func paying(values []int64, scripts ...byte) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for i, value := range values {
		script := []byte{byte(i), 0xff}
		if i < len(scripts) {
			script = []byte{scripts[i]}
		}
		tx.AddTxOut(wire.NewTxOut(value, script))
	}
	return tx
}

func TestCoinJoinShape(t *testing.T) {
	for _, c := range []struct {
		name   string
		tx     *wire.MsgTx
		amount sats.Amount
		n      int // 0: no CoinJoin
	}{
		{"two and their change", paying([]int64{5, 70, 5, 80}), 5, 2},
		{"a sweep", paying([]int64{70, 5, 5}), 5, 2},
		{"three, one without change", paying([]int64{5, 1, 5, 2, 5}), 5, 3},
		{"the amount is the first of equally common ones", paying([]int64{7, 5, 5, 7}), 7, 2},
		{"payment and change", paying([]int64{5, 70}), 0, 0},
		{"one output", paying([]int64{5}), 0, 0},
		{"no output", paying(nil), 0, 0},
		{"all equal", paying([]int64{5, 5}), 0, 0},
		{"too many others", paying([]int64{5, 5, 1, 2, 3}), 0, 0},
		{"too few others", paying([]int64{5, 5, 5, 1}), 0, 0},
		{"equal only when taken together", paying([]int64{2, 70, 5, 80, 3}, 1, 2, 3, 4, 1), 5, 2},
		{"one script twice", paying([]int64{5, 70, 5, 80}, 1, 2, 1, 4), 0, 0},
	} {
		got, ok := CoinJoin(c.tx)
		if want := (Join{c.amount, c.n}); got != want || ok != (c.n > 0) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, ok, want)
		}
	}
}

func TestCoinJoinsOfTheReference(t *testing.T) {
	type joined struct {
		Tx     string
		Amount sats.Amount
	}
	for i, c := range vectors.Load[joined](t, "coinjoins.json", 6) {
		raw, err := hex.DecodeString(c.Tx)
		if err != nil {
			t.Fatal(err)
		}
		var tx wire.MsgTx
		if err := tx.DeserializeNoWitness(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
		join, ok := CoinJoin(&tx)
		if !ok || join.Amount != c.Amount {
			t.Errorf("case %d: %+v, %v; want %v", i, join, ok, c.Amount)
		}
		for _, out := range tx.TxOut {
			want := ChangeOut
			if sats.Amount(out.Value) == c.Amount {
				want = CJOut
			}
			if got := Coin(&tx, sats.Amount(out.Value), true); got != want {
				t.Errorf("case %d: an output of %d is %s", i, out.Value, got)
			}
		}
	}
}

// TestCoinJoinShapeAtRandom compares with the rule written another way.
func TestCoinJoinShapeAtRandom(t *testing.T) {
	joins := 0
	for range 20_000 {
		values := make([]int64, rand.IntN(9))
		for i := range values {
			values[i] = 1 + rand.Int64N(6)
		}
		got, ok := CoinJoin(paying(values))
		want, isJoin := Join{}, false
		for i := len(values) - 1; i >= 0; i-- {
			same, others := 0, 0
			for _, v := range values {
				if v == values[i] {
					same++
				} else {
					others++
				}
			}
			if same > 1 && same >= want.Participants {
				want = Join{sats.Amount(values[i]), same}
				isJoin = others == same || others == same-1
			}
		}
		if !isJoin {
			want = Join{}
		}
		if got != want || ok != isJoin {
			t.Fatalf("%v: %+v, %v; want %+v", values, got, ok, want)
		}
		if ok {
			joins++
		}
	}
	if joins < 100 {
		t.Errorf("only %d CoinJoins among the cases", joins)
	}
}

func TestCoin(t *testing.T) {
	join, plain := paying([]int64{5, 70, 5, 80}), paying([]int64{5, 70})
	for _, c := range []struct {
		tx       *wire.MsgTx
		value    sats.Amount
		internal bool
		want     Status
	}{
		{join, 5, true, CJOut},
		{join, 5, false, CJOut},
		{join, 70, true, ChangeOut},
		{join, 70, false, ChangeOut},
		{plain, 5, true, NonCJChange},
		{plain, 5, false, Deposit},
	} {
		if got := Coin(c.tx, c.value, c.internal); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		internal bool
		paid     int
		coins    []Status
		want     Status
	}{
		{false, 0, nil, New},
		{true, 0, nil, Flagged},
		{false, 1, nil, Used},
		{true, 3, nil, Used},
		{false, 1, []Status{Deposit}, Deposit},
		{true, 1, []Status{CJOut}, CJOut},
		{true, 2, []Status{CJOut}, Reused},
		{false, 2, []Status{Deposit, Deposit}, Reused},
	} {
		if got := Address(c.internal, c.paid, c.coins...); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if Imported(true) != Used || Imported(false) != Empty {
		t.Error("imported")
	}
}

func TestBond(t *testing.T) {
	for _, c := range []struct {
		locktime uint32
		locked   bool
		want     Status
	}{
		{1_840_752_000, true, "2028-05-01 [LOCKED]"},
		{1_840_752_000, false, "2028-05-01 [UNLOCKED]"},
		{4_099_766_400, true, "2099-12-01 [LOCKED]"},
	} {
		if got := Bond(c.locktime, c.locked); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
