package txbuild

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// coin n is a P2WPKH coin with an outpoint and a script of its own.
func coin(n int, value sats.Amount) Input {
	return Input{wire.OutPoint{Index: uint32(n)}, value, script(n)}
}

func script(n int) []byte {
	return append([]byte{0, 20}, append(make([]byte, 18), byte(n>>8), byte(n))...)
}

// twoParties is the worked example of the specification.
func twoParties() CoinJoin {
	return CoinJoin{
		Amount: 50_000_000, Inputs: []Input{coin(1, 90_000_000)}, Destination: script(101), Change: script(102),
		Makers: []Maker{{Inputs: []Input{coin(2, 80_000_000)}, CJScript: script(103), Change: script(104), Fee: 1000}},
		Rate:   18_451, // 271 vbytes make 5000 sat
	}
}

func TestCoinJoinWorkedExample(t *testing.T) {
	c := twoParties()
	c.LockTime = 250_000
	tx, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	if tx.Fee != 5000 || tx.Needed != 5000 || tx.Change != 39_994_000 {
		t.Errorf("fee %d of %d, change %d", tx.Fee, tx.Needed, tx.Change)
	}
	var values []int64
	for _, out := range tx.Msg.TxOut {
		values = append(values, out.Value)
	}
	slices.Sort(values)
	if want := []int64{30_001_000, 39_994_000, 50_000_000, 50_000_000}; !slices.Equal(values, want) {
		t.Errorf("outputs %v, want %v", values, want)
	}
	if tx.Msg.Version != 2 || tx.Msg.LockTime != 250_000 || len(tx.Msg.TxIn) != 2 {
		t.Errorf("version %d, locktime %d, %d inputs", tx.Msg.Version, tx.Msg.LockTime, len(tx.Msg.TxIn))
	}
	for _, in := range tx.Msg.TxIn {
		if in.Sequence != 0xfffffffe || in.SignatureScript != nil || in.Witness != nil {
			t.Errorf("input %+v", in)
		}
	}
}

func TestCoinJoinFees(t *testing.T) {
	needed := func(c CoinJoin) sats.Amount {
		tx, err := c.Build()
		if err != nil {
			t.Fatal(err)
		}
		return tx.Needed
	}
	base := needed(twoParties())
	for name, c := range map[string]struct {
		edit        func(*CoinJoin)
		fee, change sats.Amount
		err         error
	}{
		"maker contributes":       {func(c *CoinJoin) { c.Makers[0].TxFee = 2000 }, base, 90_000_000 - 50_000_000 - 1000 - base + 2000, nil},
		"maker contributes a lot": {func(c *CoinJoin) { c.Makers[0].TxFee = 70_000 }, 70_000, 90_000_000 - 50_000_000 - 1000, nil},
		"least change":            {func(c *CoinJoin) { c.Inputs[0].Value = 50_001_000 + base + 2731 }, base, 2731, nil},
		"change is dust":          {func(c *CoinJoin) { c.Inputs[0].Value = 50_001_000 + base + 2730 }, base + 2730, 0, nil},
		"no change":               {func(c *CoinJoin) { c.Inputs[0].Value = 50_001_000 + base }, base, 0, nil},
		"one satoshi short":       {func(c *CoinJoin) { c.Inputs[0].Value = 50_001_000 + base - 1 }, 0, 0, ErrFunds},
		"sweep":                   {func(c *CoinJoin) { c.Change, c.Inputs[0].Value = nil, 50_001_000+3333 }, 3333, 0, nil},
		"sweep, nothing left":     {func(c *CoinJoin) { c.Change, c.Inputs[0].Value = nil, 50_001_000 }, 0, 0, nil},
		"sweep, too little":       {func(c *CoinJoin) { c.Change, c.Inputs[0].Value = nil, 50_000_999 }, 0, 0, ErrFunds},
		"maker without change":    {func(c *CoinJoin) { c.Makers[0].Inputs[0].Value = 50_000_000 - 1000 }, 0, 0, sats.ErrRange},
		"maker's value overflows": {func(c *CoinJoin) { c.Makers[0].Inputs[0].Value = sats.Max + 1 }, 0, 0, sats.ErrRange},
		"negative fee":            {func(c *CoinJoin) { c.Makers[0].Fee = -1 }, 0, 0, sats.ErrRange},
		"same coin":               {func(c *CoinJoin) { c.Makers[0].Inputs[0].OutPoint = c.Inputs[0].OutPoint }, 0, 0, ErrConflict},
		"same address":            {func(c *CoinJoin) { c.Makers[0].CJScript = c.Destination }, 0, 0, ErrConflict},
		"change to destination":   {func(c *CoinJoin) { c.Change = c.Destination }, 0, 0, ErrConflict},
		"odd script":              {func(c *CoinJoin) { c.Destination = []byte{0x6a} }, 0, 0, ErrScript},
		"no destination":          {func(c *CoinJoin) { c.Destination = nil }, 0, 0, ErrScript},
	} {
		join := twoParties()
		c.edit(&join)
		tx, err := join.Build()
		if c.err != nil {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v, want %v", name, err, c.err)
			}
			continue
		}
		if err != nil || tx.Fee != c.fee || tx.Change != c.change {
			t.Errorf("%s: %+v, %v, want fee %d, change %d", name, tx, err, c.fee, c.change)
		}
	}
}

// TestT18SumsToTheSatoshi builds random CoinJoins and adds up both sides.
func TestT18SumsToTheSatoshi(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	built := 0
	for range 2000 {
		n, total, number := rng.IntN(8)+1, sats.Amount(0), 0
		value := map[wire.OutPoint]sats.Amount{}
		fresh := func(v sats.Amount) Input {
			number++
			in := coin(number, v)
			value[in.OutPoint] = v
			total += v
			return in
		}
		c := CoinJoin{Amount: between(rng, 1_000_000, 10_000_000), Rate: between(rng, 1000, 100_000), Destination: script(1000)}
		for range rng.IntN(4) + 1 {
			c.Inputs = append(c.Inputs, fresh(between(rng, 1_000_000, 10_000_000)))
		}
		if rng.IntN(3) > 0 {
			c.Change = script(1001)
		}
		for i := range n {
			m := Maker{CJScript: script(2000 + i), Change: script(3000 + i), Fee: between(rng, 0, 20_000), TxFee: between(rng, 0, 5000)}
			for range rng.IntN(3) + 1 {
				m.Inputs = append(m.Inputs, fresh(between(rng, 500_000, 15_000_000)))
			}
			c.Makers = append(c.Makers, m)
		}
		tx, err := c.Build()
		if err != nil {
			if !errors.Is(err, ErrFunds) && !errors.Is(err, sats.ErrRange) {
				t.Fatal(err)
			}
			continue
		}
		built++
		var in, out sats.Amount
		for _, i := range tx.Msg.TxIn {
			in += value[i.PreviousOutPoint]
		}
		paid := map[string]sats.Amount{}
		for _, o := range tx.Msg.TxOut {
			out += sats.Amount(o.Value)
			paid[string(o.PkScript)] += sats.Amount(o.Value)
		}
		if in != total || in != out+tx.Fee || tx.Fee < 0 {
			t.Fatalf("in %d of %d, out %d, fee %d", in, total, out, tx.Fee)
		}
		for _, m := range c.Makers {
			change, _ := m.ChangeValue(c.Amount)
			if paid[string(m.CJScript)] != c.Amount || paid[string(m.Change)] != change {
				t.Fatalf("maker receives %d and %d, want %d and %d", paid[string(m.CJScript)], paid[string(m.Change)], c.Amount, change)
			}
		}
		if paid[string(c.Destination)] != c.Amount || paid[string(c.Change)] != tx.Change {
			t.Fatalf("taker receives %d and %d, want %d and %d", paid[string(c.Destination)], paid[string(c.Change)], c.Amount, tx.Change)
		}
		if tx.Change > 0 && tx.Change <= Dust {
			t.Fatalf("dust change %d", tx.Change)
		}
	}
	if built < 300 {
		t.Errorf("only %d of 2000 could be built", built)
	}
}

func TestDirect(t *testing.T) {
	pay := func(values ...sats.Amount) Direct {
		d := Direct{Outputs: []Output{{100_000, script(50)}}, Change: script(51), Rate: 10_000, Sequence: RBF, LockTime: 7}
		for i, v := range values {
			d.Inputs = append(d.Inputs, coin(i, v))
		}
		return d
	}
	tx, err := pay(60_000, 60_000).Build()
	if err != nil || tx.Fee != 2090 || tx.Change != 120_000-100_000-2090 || tx.Msg.TxIn[0].Sequence != 0xfffffffd {
		t.Errorf("payment: %+v, %v", tx, err)
	}
	if tx, err := pay(100_000 + 1410 + 2730).Build(); err != nil || tx.Change != 0 || len(tx.Msg.TxOut) != 1 || tx.Fee != 4140 {
		t.Errorf("payment with dust left: %+v, %v", tx, err)
	}
	if tx, err := pay(100_000 + 1100).Build(); err != nil || tx.Change != 0 || tx.Fee != 1100 || tx.VSize != 110 {
		t.Errorf("enough without change only: %+v, %v", tx, err)
	}
	if _, err := pay(100_000 + 1099).Build(); !errors.Is(err, ErrFunds) {
		t.Errorf("one satoshi short: %v", err)
	}

	sweep := pay(60_000, 60_000)
	sweep.Outputs[0].Value, sweep.Change = 0, nil
	if tx, err := sweep.Build(); err != nil || tx.Fee != 1780 || tx.Msg.TxOut[0].Value != 118_220 {
		t.Errorf("sweep: %+v, %v", tx, err)
	}
	if sweep.Outputs[0].Value != 0 {
		t.Error("Build changed what it was given")
	}
	sweep.Inputs = []Input{coin(1, 1099)}
	if _, err := sweep.Build(); !errors.Is(err, ErrFunds) {
		t.Errorf("sweep of nothing: %v", err)
	}

	burn := pay(1_000_000)
	burn.Change = nil
	if tx, err := burn.Build(); err == nil {
		t.Errorf("a payment without change script leaves %d to the miner", tx.Fee)
	}
}

// TestCountsOfManyInputs: from 253 on a count takes more than one byte.
func TestCountsOfManyInputs(t *testing.T) {
	size := func(count int) int64 {
		var inputs []Input
		for i := range count {
			inputs = append(inputs, coin(i, 1))
		}
		n, err := Size(inputs, []Output{{1, script(1)}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// Four inputs have a whole number of vbytes: 4*41 + 108.
	if grown := size(256) - size(252); grown != 4*41+108+2 {
		t.Errorf("four inputs and a longer count take %d vB", grown)
	}
}

func TestInputFee(t *testing.T) {
	for _, c := range []struct {
		kind       ScriptType
		rate, want sats.Amount
	}{{P2WPKH, 1000, 68}, {P2WPKH, 1001, 69}, {P2PKH, 10_000, 1480}, {P2SH, 1000, 91}, {P2WPKH, 0, 0}} {
		if got, err := InputFee(c.kind, c.rate); got != c.want || err != nil {
			t.Errorf("InputFee(%s, %d) = %d, %v, want %d", c.kind, c.rate, got, err, c.want)
		}
	}
	if _, err := InputFee(P2TR, 1000); !errors.Is(err, ErrScript) {
		t.Errorf("P2TR: %v", err)
	}
	for _, rate := range []sats.Amount{-1, sats.Max} {
		if _, err := InputFee(P2WPKH, rate); !errors.Is(err, sats.ErrRange) {
			t.Errorf("rate %d: %v", rate, err)
		}
	}
}

func TestP2LockTimeHabit(t *testing.T) {
	const height, draws = 800_000, 20_000
	back, seen := 0, map[uint32]bool{}
	for range draws {
		lock := LockTime(height)
		if lock > height || lock < height-99 {
			t.Fatalf("LockTime = %d", lock)
		}
		if lock != height {
			back++
			seen[lock] = true
		}
	}
	// One in ten, of which one in a hundred goes back by nothing: 1980 of
	// 20,000 with a standard deviation of 42.
	if back < 1980-8*42 || back > 1980+8*42 || len(seen) < 95 {
		t.Errorf("%d of %d below the height, %d different", back, draws, len(seen))
	}
	for range 1000 {
		if lock := LockTime(5); lock < 1 || lock > 5 {
			t.Fatalf("LockTime(5) = %d", lock)
		}
	}
}

func TestP1OrderIsDrawn(t *testing.T) {
	own := map[[2]int]int{}
	for range 400 {
		c := twoParties()
		tx, err := c.Build()
		if err != nil {
			t.Fatal(err)
		}
		in := slices.IndexFunc(tx.Msg.TxIn, func(i *wire.TxIn) bool { return i.PreviousOutPoint == c.Inputs[0].OutPoint })
		out := slices.IndexFunc(tx.Msg.TxOut, func(o *wire.TxOut) bool { return string(o.PkScript) == string(c.Destination) })
		own[[2]int{in, out}]++
	}
	for in := range 2 {
		for out := range 4 {
			if n := own[[2]int{in, out}]; n < 10 || n > 110 { // 50 expected
				t.Errorf("own input at %d and output at %d in %d of 400", in, out, n)
			}
		}
	}
}

func BenchmarkCoinJoin(b *testing.B) {
	c := twoParties()
	for i := range 20 {
		c.Makers = append(c.Makers, Maker{Inputs: []Input{coin(200+2*i, 40_000_000), coin(201+2*i, 40_000_000)},
			CJScript: script(400 + i), Change: script(500 + i), Fee: 1000})
	}
	c.Inputs[0].Value = 95_000_000
	for b.Loop() {
		if _, err := c.Build(); err != nil {
			b.Fatal(err)
		}
	}
}

// between draws from low..high.
func between(rng *rand.Rand, low, high int64) sats.Amount {
	return sats.Amount(low + rng.Int64N(high-low+1))
}
