package main

import (
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
)

// TestP5LossIsShown: mixdepths are joined only by an option, which the refusal
// names, and before it is done the user reads what it costs.
func TestP5LossIsShown(t *testing.T) {
	if err := spendError(spend.ErrMix); !strings.Contains(err.Error(), "--mix-mixdepths") {
		t.Errorf("%v", err)
	}
	across := spend.Quote{Inputs: []coins.Coin{{Mixdepth: 3}, {Mixdepth: 0}}}
	if text := strings.Join(spendNotes(across), " "); !strings.Contains(text, "joins coins of the mixdepths 0 3") || !strings.Contains(text, "one owner") {
		t.Errorf("of several mixdepths: %q", text)
	}
	within := spend.Quote{Inputs: []coins.Coin{{Mixdepth: 3}, {Mixdepth: 3}}}
	if text := strings.Join(spendNotes(within), " "); strings.Contains(text, "mixdepths") || !strings.Contains(text, "2 coins have one owner") {
		t.Errorf("of one mixdepth: %q", text)
	}
}
