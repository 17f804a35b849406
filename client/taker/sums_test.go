package taker

import (
	"slices"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// summed is the result of a CoinJoin of 1,000,000 sat in which everybody has the
// change that it should have: a maker earns 500 sat, the first participant pays
// for all and 3,000 sat to the miner.
func summed(sweep bool, inputs ...[]sats.Amount) Result {
	r := Result{Amount: 1_000_000, MinerFee: 3000}
	for i, values := range inputs {
		var in sats.Amount
		part := Part{CJFee: 500}
		for _, v := range values {
			part.Inputs = append(part.Inputs, txbuild.Input{Value: v})
			in += v
		}
		if i == 0 {
			part.CJFee, part.TxFee = -500*sats.Amount(len(inputs)-1), r.MinerFee
		}
		if i > 0 || !sweep {
			part.Change.Value = in - r.Amount + part.CJFee - part.TxFee
		}
		r.Parts = append(r.Parts, part)
	}
	return r
}

// TestP3SumsAreCounted: what adding up amounts tells of a transaction is counted
// as an onlooker would: change outputs with one possible set of inputs are told,
// those with several are not, and a sweep leaves nothing of ours to tell.
func TestP3SumsAreCounted(t *testing.T) {
	many := slices.Repeat([]sats.Amount{90_000}, 60) // one participant with sixty coins
	for name, c := range map[string]struct {
		result Result
		want   Traces
	}{
		"one coin each":           {summed(false, []sats.Amount{1_500_000}, []sats.Amount{2_300_000}, []sats.Amount{7_000_000}), Traces{3, 3, true}},
		"several coins each":      {summed(false, []sats.Amount{700_000, 850_000}, []sats.Amount{2_300_000, 111_111, 5_000_000}), Traces{2, 2, true}},
		"sweep":                   {summed(true, []sats.Amount{1_004_000}, []sats.Amount{2_300_000}, []sats.Amount{7_000_000}), Traces{2, 2, false}},
		"two alike":               {summed(false, []sats.Amount{1_500_000}, []sats.Amount{1_500_000}, []sats.Amount{7_000_000}), Traces{3, 1, false}},
		"alike but for the fees":  {summed(false, []sats.Amount{1_500_000}, []sats.Amount{1_499_000}, []sats.Amount{7_000_000}), Traces{3, 1, false}},
		"alike by chance":         {summed(false, []sats.Amount{1_500_000}, []sats.Amount{900_000, 2_000_000}, []sats.Amount{600_000, 3_000_000}), Traces{3, 2, false}},
		"unlike by more":          {summed(false, []sats.Amount{1_500_000}, []sats.Amount{1_510_000}, []sats.Amount{7_000_000}), Traces{3, 3, true}},
		"more sets than are seen": {summed(false, []sats.Amount{1_500_000}, many), Traces{2, 1, true}},
		"no transaction":          {Result{}, Traces{}},
	} {
		if got := c.result.Traces(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	// Most change of real transactions can be told: the user is to know.
	inPit(t, 8, func(p *pit) {
		o := p.run(p.config(), payment(btc/5, 8, 8))
		p.wantJoin(o, 8)
		if got := o.Traces(); got.Change != 9 || !got.Own {
			t.Errorf("makers of two kinds of coins: %+v", got)
		}
	})
}
