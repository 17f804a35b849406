package feerate

import (
	"errors"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

func TestT19Check(t *testing.T) {
	limits := Policy{Absurd: 10_000, Share: 20}
	own := Policy{Absurd: 10_000, Share: 20, Max: 500}
	for name, c := range map[string]struct {
		policy Policy
		fee    sats.Amount
		vsize  int64
		amount sats.Amount
		want   error
	}{
		"ordinary":                  {limits, 1000, 141, 100_000, nil},
		"at the rate":               {limits, 1410, 141, 100_000, nil},
		"just above it, rounded":    {limits, 1411, 141, 1_000_000, ErrAbsurd},
		"at the share":              {limits, 1000, 141, 5000, nil},
		"above the share":           {limits, 1000, 141, 4999, ErrShare},
		"everything":                {limits, 1000, 141, 0, ErrShare},
		"the user's word is less":   {own, 501, 141, 100_000, ErrShare},
		"the user's word is enough": {own, 500, 141, 500, nil},
		"no limits":                 {Policy{}, sats.Max, 1, 0, nil},
		"all money":                 {Policy{Share: 100}, sats.Max, 1, sats.Max, nil},
		"negative fee":              {limits, -1, 141, 100_000, sats.ErrRange},
		"no size":                   {limits, 1, 0, 100_000, sats.ErrRange},
		"negative amount":           {limits, 1, 141, -1, sats.ErrRange},
	} {
		if err := c.policy.Check(c.fee, c.vsize, c.amount); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestExactRate(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		node   node
		want   error
	}{
		// As a number of tx_fees it would be a target of 500 blocks.
		"half a satoshi":  {Policy{Rate: 500}, node{floor: 100, rateErr: chain.ErrNoEstimate}, nil},
		"below the floor": {Policy{Rate: 999}, node{floor: 1000}, ErrTooLow},
		"absurd":          {Policy{Rate: 5001, Absurd: 5000}, node{floor: 1000}, ErrAbsurd},
		"negative":        {Policy{Rate: -1}, node{}, sats.ErrRange},
		"no node":         {Policy{Rate: 5000}, node{floorErr: chain.ErrUnreachable}, chain.ErrUnreachable},
	} {
		got, err := c.policy.Draw(t.Context(), &c.node)
		if !errors.Is(err, c.want) || err == nil && got != c.policy.Rate {
			t.Errorf("%s: %d, %v, want %v", name, got, err, c.want)
		}
	}
}
