package taker

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest/onlooker"
)

// compared is how many CoinJoins of each kind are compared; make check compares
// five hundred.
var compared = flag.Int("compared", 25, "CoinJoins of each kind compared in TestP1LikeTheReference")

// TestP1LikeTheReference makes CoinJoins, payments and sweeps, and looks whether
// an onlooker can tell them from ten times as many that the reference would have
// made of the same coins: by version, lock time, sequences, scripts,
// the size of signatures, the order of inputs and outputs, where what is the
// taker's stands, or the fee rate. What is compared is what the wallet signed and
// the network shows.
func TestP1LikeTheReference(t *testing.T) {
	const atATime, models = 50, 10
	for what, c := range map[string]struct{ sweep, taproot bool }{"payment": {false, false}, "sweep": {true, false}, "payment to taproot": {false, true}, "sweep to taproot": {true, true}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, 2))
			var ours, others []onlooker.Seen
			for len(ours) < *compared {
				inPit(t, 3, func(p *pit) {
					p.chain.Mine(200)
					for range min(atATime, *compared-len(ours)) {
						made := p.joined(rng, c.sweep, c.taproot)
						ours = append(ours, made.Seen())
						for range models {
							others = append(others, made.Reference(rng, 0xfffffffe).Seen())
						}
					}
				})
			}
			if differ := onlooker.Differences(ours, others); len(differ) > 0 {
				t.Errorf("%d CoinJoins can be told from the reference's by %q", len(ours), differ)
			}
		})
	}
}

// joined makes one CoinJoin with new coins of all, and mines it.
func (p *pit) joined(rng *rand.Rand, sweep, taproot bool) onlooker.Made {
	p.t.Helper()
	between := func(low, high sats.Amount) sats.Amount { return low + sats.Amount(rng.Int64N(int64(high-low))) }
	p.wallet = p.newWallet(between(btc/10, btc), between(btc/10, btc))
	for _, m := range p.makers {
		m.coins = nil
		for range 1 + rng.IntN(3) {
			m.earn(between(2*btc, 3*btc))
		}
	}
	p.chain.SetFeeRate(between(1500, 50_000))
	p.chain.Mine(6)
	p.sync()
	cfg := p.config()
	to, err := p.wallet.NextAddress(1, keys.External)
	if err != nil {
		p.t.Fatal(err)
	}
	pay := payment(between(btc/20, btc/10), 3, 3)
	if sweep {
		pay.Amount = 0
	}
	size := int64(31) // of each output, as the reference reckons
	pay.Destination = to.Text
	if taproot {
		pay.Destination, size = "bcrt1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqvg32hk", 43
	}
	base, err := p.wallet.Chain().FeeRate(p.t.Context(), 3)
	if err != nil {
		p.t.Fatal(err)
	}
	o := p.run(cfg, pay)
	p.wantJoin(o, 3)
	tx, _ := p.chain.Tx(o.Tx.TxHash())
	made := onlooker.Made{Tx: tx, Values: map[wire.OutPoint]sats.Amount{}, Own: o.Parts[0].Inputs[0].OutPoint, Tip: p.chain.Height(), Base: base,
		Payment: o.Parts[0].CJOut}
	for _, part := range o.Parts {
		for _, in := range part.Inputs {
			made.Values[in.OutPoint] = in.Value
		}
	}
	if own := o.Parts[0]; own.Change.Value > 0 {
		made.Change = own.Change.Script
	}
	inputs, outputs := int64(len(tx.TxIn)), int64(len(tx.TxOut))
	if sweep { // the fee is reckoned before the makers' coins are known
		inputs, outputs = int64(len(o.Parts[0].Inputs)+usualInputs*3), int64(2*3+1)
	}
	made.Sized = 10 + 41*inputs + size*outputs + (2+108*inputs+3)/4
	p.chain.Mine(1)
	return made
}
