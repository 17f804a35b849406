package spend

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest/onlooker"
)

// compared is how many payments of each kind are compared; make check compares
// five hundred.
var compared = flag.Int("compared", 75, "payments of each kind compared in TestP1PaymentsLikeTheReference")

// TestP1PaymentsLikeTheReference sends payments without makers, and looks whether
// an onlooker can tell them from ten times as many that the reference would have
// made of the same coins, replaceable ones and others.
func TestP1PaymentsLikeTheReference(t *testing.T) {
	const payments, models = 25, 10
	for _, sequence := range []uint32{txbuild.RBF, txbuild.NoRBF} {
		t.Run(fmt.Sprintf("sequence %x", sequence), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(sequence), 2))
			var ours, others []onlooker.Seen
			for len(ours) < *compared {
				values := make([]sats.Amount, 3*payments)
				for i := range values {
					values[i] = 1_000_000 + sats.Amount(rng.Int64N(100_000))
				}
				b := newBench(t, values)
				b.chain.Mine(200)
				b.sync()
				for range payments {
					base := 2000 + sats.Amount(rng.Int64N(30_000))
					b.chain.SetFeeRate(base)
					b.cfg.Fee = feerate.Policy{TxFees: 3, Factor: "0.2", Absurd: 350_000, Share: 20}
					r := b.pay(Payment{Outputs: []txbuild.Output{to(byte(rng.Uint32()), 1_500_000+sats.Amount(rng.Int64N(100_000)))}, NoRBF: sequence == txbuild.NoRBF})
					made := seenOf(b, r)
					made.Base = base
					ours = append(ours, made.Seen())
					for range models {
						others = append(others, made.Reference(rng, sequence).Seen())
					}
					b.chain.Mine(1)
					b.sync()
				}
			}
			if differ := onlooker.Differences(ours, others); len(differ) > 0 {
				t.Errorf("%d payments can be told from the reference's by %q", len(ours), differ)
			}
		})
	}
}

// seenOf is a payment as the chain shows it.
func seenOf(b *bench, r Receipt) onlooker.Made {
	tx, _ := b.chain.Tx(r.Tx.TxHash())
	made := onlooker.Made{Tx: tx, Values: map[wire.OutPoint]sats.Amount{}, Own: r.Quote.Inputs[0].OutPoint, Tip: b.chain.Height()}
	for _, c := range r.Quote.Inputs {
		made.Values[c.OutPoint] = c.Value
	}
	for _, out := range r.Quote.Outputs {
		if out.Change {
			made.Change = bytes.Clone(out.Script)
		} else {
			made.Payment = out.Script
		}
	}
	return made
}
