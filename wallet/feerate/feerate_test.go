package feerate

import (
	"context"
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// node answers with fixed rates.
type node struct {
	rate, floor       sats.Amount
	rateErr, floorErr error
	target            int
}

func (n *node) FeeRate(_ context.Context, target int) (sats.Amount, error) {
	n.target = target
	return n.rate, n.rateErr
}
func (n *node) MinFeeRate(context.Context) (sats.Amount, error) { return n.floor, n.floorErr }

func TestDraw(t *testing.T) {
	for name, c := range map[string]struct {
		policy    Policy
		node      node
		low, high sats.Amount
	}{
		"estimate":             {Policy{TxFees: 3, Factor: "0.2"}, node{rate: 10_000, floor: 1000}, 10_000, 12_000},
		"manual":               {Policy{TxFees: 1001, Factor: "0.2"}, node{floor: 1000}, 1001, 1201},
		"manual, no estimate":  {Policy{TxFees: 5000, Factor: "0"}, node{floor: 1000, rateErr: chain.ErrNoEstimate}, 5000, 5000},
		"below the floor":      {Policy{TxFees: 3, Factor: "0.5"}, node{rate: 1000, floor: 20_000}, 20_000, 30_000},
		"drawn near the floor": {Policy{TxFees: 3, Factor: "0.5"}, node{rate: 1000, floor: 1400}, 1400, 2100},
	} {
		seen := map[sats.Amount]bool{}
		for range 300 {
			got, err := c.policy.Draw(t.Context(), &c.node)
			if err != nil || got < c.low || got > c.high {
				t.Fatalf("%s: %d, %v, want %d..%d", name, got, err, c.low, c.high)
			}
			seen[got] = true
		}
		if c.high-c.low > 100 && len(seen) < 50 {
			t.Errorf("%s: only %d rates in 300 draws", name, len(seen))
		}
		if c.policy.TxFees <= MaxTarget && int64(c.node.target) != c.policy.TxFees {
			t.Errorf("%s: asked for target %d", name, c.node.target)
		}
	}
}

func TestT19NoGuess(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		node   node
		want   error
	}{
		"no estimate": {Policy{TxFees: 3, Factor: "0.2"}, node{floor: 1000, rateErr: chain.ErrNoEstimate}, chain.ErrNoEstimate},
		"no floor":    {Policy{TxFees: 3, Factor: "0.2"}, node{rate: 5, floorErr: chain.ErrUnreachable}, chain.ErrUnreachable},
		"absurd":      {Policy{TxFees: 3, Factor: "0", Absurd: 350_000}, node{rate: 350_001}, ErrAbsurd},
		"zero":        {Policy{TxFees: 0, Factor: "0"}, node{}, sats.ErrRange},
		"negative":    {Policy{TxFees: -5, Factor: "0"}, node{}, sats.ErrRange},
		"overflow":    {Policy{TxFees: int64(sats.Max), Factor: "2"}, node{}, sats.ErrRange},
	} {
		if got, err := c.policy.Draw(t.Context(), &c.node); !errors.Is(err, c.want) {
			t.Errorf("%s: %d, %v, want %v", name, got, err, c.want)
		}
	}
	atLimit := Policy{TxFees: 3, Factor: "0", Absurd: 350_000}
	if got, err := atLimit.Draw(t.Context(), &node{rate: 350_000}); got != 350_000 || err != nil {
		t.Errorf("at the limit: %d, %v", got, err)
	}
	if _, err := (Policy{TxFees: 3, Factor: "-1"}).Draw(t.Context(), &node{}); err == nil {
		t.Error("negative factor")
	}
}
