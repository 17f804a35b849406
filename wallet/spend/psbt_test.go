package spend

import (
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
)

func TestT19PSBT(t *testing.T) {
	limits := feerate.Policy{Absurd: 10_000, Share: 20}
	ours := &psbt.Origin{}
	summary := func(fee sats.Amount, payments ...sats.Amount) psbt.Summary {
		s := psbt.Summary{Fee: fee, FeeTold: true, Inputs: []psbt.InputSummary{{Script: to(1, 0).Script}}}
		for i, v := range payments {
			s.Outputs = append(s.Outputs, psbt.OutputSummary{Value: v, Script: to(byte(i), 0).Script})
		}
		return s
	}
	untold := summary(0, 1000)
	untold.FeeTold = false
	kept := summary(1000, 4000, 50_000)
	kept.Outputs[1].Origin = ours
	home := summary(1000, 50_000)
	home.Outputs[0].Origin = ours
	odd := summary(1000, 50_000)
	odd.Inputs = append(odd.Inputs, psbt.InputSummary{Script: append([]byte{0x51, 32}, make([]byte, 32)...)}, psbt.InputSummary{Script: []byte{0x51}})
	odd.Outputs = append(odd.Outputs, psbt.OutputSummary{Script: []byte{0x6a, 1, 7}})
	for name, c := range map[string]struct {
		s    psbt.Summary
		want error
	}{
		"ordinary":                   {summary(1000, 50_000), nil},
		"at the rate of 110 vB":      {summary(1100, 50_000), nil},
		"above it":                   {summary(1101, 50_000), feerate.ErrAbsurd},
		"a large share":              {summary(1000, 4999), feerate.ErrShare},
		"what comes back is no help": {kept, feerate.ErrShare},
		"all of it comes back":       {home, nil},
		"nothing known":              {untold, psbt.ErrCoin},
		"odd inputs and outputs":     {odd, nil},
	} {
		if err := CheckPSBT(limits, c.s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
