package wallet_test

import (
	"math/rand/v2"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestW9RandomGaps: a wallet whose addresses were paid with up to 4999 unpaid ones
// before each is found whole from its words, and goes on behind the last one.
func TestW9RandomGaps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	c, words := wallettest.NewChain(regtest), newSeed(t)
	var want sats.Amount
	var last [2][2]uint32
	for mixdepth := range 2 {
		for branch := range uint32(2) {
			// The first is as far as can be for one of them.
			index := uint32(r.IntN(wallet.DefaultRecoveryGap))
			if branch == uint32(mixdepth) {
				index = wallet.DefaultRecoveryGap - 1
			}
			for range 1 + r.IntN(2) {
				value := sats.Amount(1000 + r.IntN(100_000))
				c.Pay(at(t, words, keys.Path{Mixdepth: mixdepth, Branch: branch, Index: index}), value)
				want += value
				last[mixdepth][branch] = index
				index += 1 + uint32(r.IntN(wallet.DefaultRecoveryGap))
			}
		}
	}
	c.Mine(1)
	cfg := c.Config()
	cfg.Mixdepths, cfg.RecoveryGap = 2, wallet.DefaultRecoveryGap
	w, _ := create(t, words, cfg)
	defer w.Close()
	sync(t, w)
	if got := total(t, w); got != want {
		t.Errorf("found %v of %v", got, want)
	}
	for mixdepth := range last {
		for branch, index := range last[mixdepth] {
			if a := next(t, w, mixdepth, uint32(branch)); a.Path.Index != index+1 {
				t.Errorf("%d/%d goes on at %d, after %d", mixdepth, branch, a.Path.Index, index)
			}
		}
	}
}
