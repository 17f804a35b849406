package onlooker

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

const noReplacement = 0xfffffffe

// coinJoin is one of four participants with one or two coins each, as the
// reference makes it.
func coinJoin(rng *rand.Rand) Made {
	m := Made{Tx: wire.NewMsgTx(2), Values: map[wire.OutPoint]sats.Amount{}, Tip: 850_000, Base: 5000,
		Payment: p2wpkh(rng), Change: p2wpkh(rng)}
	amount := 1_000_000 + sats.Amount(rng.IntN(5_000_000))
	for i := range 4 {
		var in sats.Amount
		for range 1 + rng.IntN(2) {
			var out wire.OutPoint
			copy(out.Hash[:], bytesOf(rng, 32))
			m.Values[out] = amount + 100_000 + sats.Amount(rng.IntN(10_000_000))
			in += m.Values[out]
			m.Tx.AddTxIn(wire.NewTxIn(&out, nil, nil))
			m.Own = out
		}
		pay, change := p2wpkh(rng), p2wpkh(rng)
		if i == 3 {
			pay, change = m.Payment, m.Change
		}
		m.Tx.AddTxOut(wire.NewTxOut(int64(amount), pay))
		m.Tx.AddTxOut(wire.NewTxOut(int64(in-amount), change))
	}
	return m.Reference(rng, noReplacement)
}

func bytesOf(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func p2wpkh(rng *rand.Rand) []byte { return append([]byte{0, 20}, bytesOf(rng, 20)...) }

// TestP1HabitsAreSeen: transactions of the reference are not told from one
// another, and a program is told from it by each habit alone that programs have.
func TestP1HabitsAreSeen(t *testing.T) {
	const transactions, models = 1000, 3
	rng := rand.New(rand.NewPCG(1, 468))
	var made []Made
	var others []Seen
	for range transactions {
		m := coinJoin(rng)
		made = append(made, m)
		for range models {
			others = append(others, m.Reference(rng, noReplacement).Seen())
		}
	}
	for name, c := range map[string]struct {
		habit func(*rand.Rand, *Made)
		want  string
	}{
		"none":         {func(*rand.Rand, *Made) {}, ""},
		"no lock time": {func(_ *rand.Rand, m *Made) { m.Tx.LockTime = 0 }, "lock time"},
		"always now":   {func(_ *rand.Rand, m *Made) { m.Tx.LockTime = uint32(m.Tip) }, "lock time"},
		"one of four back": {func(rng *rand.Rand, m *Made) {
			m.Tx.LockTime = uint32(m.Tip - rng.Int32N(100)*(1-min(1, rng.Int32N(4))))
		}, "lock time"},
		"back by ten": {func(rng *rand.Rand, m *Made) {
			if m.Tx.LockTime = uint32(m.Tip); rng.IntN(10) == 0 {
				m.Tx.LockTime -= uint32(rng.IntN(10))
			}
		}, "lock time"},
		"final":       {func(_ *rand.Rand, m *Made) { m.Tx.TxIn[0].Sequence = 0xffffffff }, "sequences"},
		"version 1":   {func(_ *rand.Rand, m *Made) { m.Tx.Version = 1 }, "version"},
		"change last": {func(_ *rand.Rand, m *Made) { slices.SortStableFunc(m.Tx.TxOut, last(m.Change)) }, "place of the change"},
		"often last": {func(rng *rand.Rand, m *Made) {
			if rng.IntN(4) == 0 {
				slices.SortStableFunc(m.Tx.TxOut, last(m.Change))
			}
		}, "place of the change"},
		"sorted outputs": {func(_ *rand.Rand, m *Made) { slices.SortStableFunc(m.Tx.TxOut, byValue) }, "order of outputs"},
		"sorted inputs":  {func(_ *rand.Rand, m *Made) { slices.SortStableFunc(m.Tx.TxIn, byID) }, "order of ids"},
		"own coin first": {func(_ *rand.Rand, m *Made) {
			slices.SortStableFunc(m.Tx.TxIn, func(a, b *wire.TxIn) int {
				return map[bool]int{true: 1}[b.PreviousOutPoint == m.Own] - map[bool]int{true: 1}[a.PreviousOutPoint == m.Own]
			})
		}, "place of an own coin"},
		"small signatures": {func(rng *rand.Rand, m *Made) {
			for _, in := range m.Tx.TxIn {
				for len(in.Witness[0]) > 71 {
					in.Witness[0] = signature(rng)
				}
			}
		}, "signature"},
		"the estimate to the satoshi": {func(_ *rand.Rand, m *Made) { m.pay(m.Base) }, "fee rate"},
		"whole rates":                 {func(rng *rand.Rand, m *Made) { m.pay(m.Base + sats.Amount(rng.IntN(2))*1000) }, "fee rate"},
		"a little more":               {func(rng *rand.Rand, m *Made) { m.pay(m.Base + 100 + sats.Amount(rng.IntN(1001))) }, "fee rate"},
		"other keys":                  {func(_ *rand.Rand, m *Made) { m.Tx.TxIn[0].Witness[1] = make([]byte, 65) }, "scripts"},
	} {
		t.Run(name, func(t *testing.T) {
			var ours []Seen
			for _, m := range made {
				m = m.Reference(rng, noReplacement)
				c.habit(rng, &m)
				ours = append(ours, m.Seen())
			}
			differ := Differences(ours, others)
			if named := slices.ContainsFunc(differ, func(d string) bool { return strings.HasPrefix(d, c.want) }); c.want == "" && len(differ) > 0 || !named && c.want != "" {
				t.Errorf("seen are %q, want %q", differ, c.want)
			}
		})
	}
}

// pay sets the fee by the change.
func (m *Made) pay(rate sats.Amount) {
	for _, out := range m.Tx.TxOut {
		if bytes.Equal(out.PkScript, m.Change) {
			out.Value += int64(m.fee()) - m.sized()*int64(rate)/1000
		}
	}
}

func last(script []byte) func(a, b *wire.TxOut) int {
	is := func(out *wire.TxOut) int { return map[bool]int{true: 1}[bytes.Equal(out.PkScript, script)] }
	return func(a, b *wire.TxOut) int { return is(a) - is(b) }
}

// TestChances has values of the tables of both laws.
func TestChances(t *testing.T) {
	for _, c := range []struct {
		x       float64
		freedom int
		want    float64
	}{{3.841, 1, 0.05}, {5.991, 2, 0.05}, {7.815, 3, 0.05}, {18.307, 10, 0.05}, {24.996, 15, 0.05}, {23.928, 1, 1e-6}, {27.631, 2, 1e-6}, {0, 3, 1}, {5, 0, 1}} {
		if got := chiSquareTail(c.x, c.freedom); math.Abs(got-c.want) > c.want/200 {
			t.Errorf("%g with %d: %g, want %g", c.x, c.freedom, got, c.want)
		}
	}
	rng := rand.New(rand.NewPCG(2, 3))
	below := 0
	for range 1000 {
		var a, b []float64
		for range 200 {
			a, b = append(a, rng.Float64()), append(b, rng.Float64())
		}
		if kolmogorovSmirnov(a, b) < 0.05 {
			below++
		}
	}
	if below < 25 || below > 75 {
		t.Errorf("two samples of one law are called different in %d of 1000 cases, want about 50", below)
	}
}
