package spend

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// TestT18RandomPayments makes random payments from random wallets. Of each that
// comes about, inputs are worth as much as outputs and fee, the fee is within
// its limits and enough for the size, no coin is spent twice, no mixdepth but
// the one asked for is touched, and the receivers get exactly their amounts.
func TestT18RandomPayments(t *testing.T) {
	const wallets, payments = 12, 20
	rng := rand.New(rand.NewPCG(18, 19))
	made, sweeps, changeless := 0, 0, 0
	for range wallets {
		var amounts [][]sats.Amount
		for range 1 + rng.IntN(3) {
			var values []sats.Amount
			for range rng.IntN(12) {
				values = append(values, sats.Amount(500+rng.Int64N(1<<(8+rng.Int64N(20)))))
			}
			amounts = append(amounts, values)
		}
		b := newBench(t, amounts...)
		spent := make(map[wire.OutPoint]bool)
		for range payments {
			cfg := b.cfg
			cfg.Selection = []coins.Algorithm{coins.Default, coins.Gradual, coins.Greedy, coins.Greediest}[rng.IntN(4)]
			cfg.Fee = feerate.Policy{Rate: sats.Amount(1000 + rng.Int64N(50_000)), Absurd: 60_000, Share: 20}
			p := Payment{Mixdepth: rng.IntN(len(amounts)), MinConf: rng.Int32N(2), NoRBF: rng.IntN(2) == 0}
			if p.Sweep = rng.IntN(15) == 0; p.Sweep {
				p.Outputs = []txbuild.Output{to(0, 0)}
			}
			mine := coins.Filter{Mixdepth: p.Mixdepth}.Apply(b.coins())
			if some := 1 + rng.IntN(4); !p.Sweep && rng.IntN(4) > 0 {
				for i := range some {
					p.Outputs = append(p.Outputs, to(byte(i), 300+sats.Amount(rng.Int64N(int64(coins.Sum(mine))+1))/sats.Amount(2*some)))
				}
			} else if !p.Sweep && len(mine) > 0 { // about as much as one has
				left := cfg.Fee.Rate*110/1000 + sats.Amount(rng.Int64N(3000))
				p.Outputs = append(p.Outputs, to(0, mine[rng.IntN(len(mine))].Value-left))
			}
			r, err := Pay(t.Context(), cfg, p, yes)
			if err != nil {
				if !slices.ContainsFunc([]error{coins.ErrFunds, feerate.ErrShare, feerate.ErrAbsurd, ErrPayment, ErrDust, txbuild.ErrFunds},
					func(want error) bool { return errors.Is(err, want) }) {
					t.Fatal(err)
				}
				continue
			}
			made++
			b.check(r)
			q := r.Quote
			if p.Sweep {
				sweeps++
			} else if q.Change() == 0 {
				changeless++
			}
			for _, c := range q.Inputs {
				if spent[c.OutPoint] {
					t.Error("D2: a coin was spent twice")
				}
				spent[c.OutPoint] = true
				if c.Mixdepth != p.Mixdepth {
					t.Errorf("P5: a coin of mixdepth %d pays for %d", c.Mixdepth, p.Mixdepth)
				}
			}
			if q.Fee > q.Amount/5 || q.Fee < cfg.Fee.Rate*sats.Amount(r.Size)/1000 || q.Fee > q.Rate*sats.Amount(q.VSize+31)/1000+txbuild.Dust {
				t.Errorf("T19: a fee of %v for %v and %d vB at %d", q.Fee, q.Amount, r.Size, q.Rate)
			}
			if change := q.Change(); change != 0 && change <= txbuild.Dust {
				t.Errorf("change of %v", change)
			}
			paid := make(map[string]int64)
			for _, out := range r.Tx.TxOut {
				paid[string(out.PkScript)] += out.Value
			}
			for _, out := range p.Outputs {
				if !p.Sweep && paid[string(out.Script)] != int64(out.Value) {
					t.Errorf("a receiver gets %d, not %v", paid[string(out.Script)], out.Value)
				}
			}
			if rng.IntN(3) > 0 {
				b.chain.Mine(1)
			}
			b.sync()
		}
	}
	if made < wallets*payments/3 || sweeps < 5 || changeless < 10 {
		t.Errorf("only %d payments were made, %d sweeps, %d without change: the property was not tested", made, sweeps, changeless)
	}
}

// TestManyCoins: the count of the inputs takes more than one byte.
func TestManyCoins(t *testing.T) {
	values := make([]sats.Amount, 300)
	for i := range values {
		values[i] = 10_000
	}
	b := newBench(t, values)
	b.cfg.Fee.Rate = 1000 // the least that the chain takes
	r := b.pay(Payment{Outputs: []txbuild.Output{to(1, 2_550_000)}})
	if n := len(r.Quote.Inputs); n < 256 || n > 260 {
		t.Errorf("%d coins of 10000 sat each for 2550000", n)
	}
}

// TestTooLarge: such a sweep would not be passed on by any node.
func TestTooLarge(t *testing.T) {
	var inputs []coins.Coin
	for i := range 1500 {
		inputs = append(inputs, coins.Coin{OutPoint: wire.OutPoint{Index: uint32(i)}, Value: 10_000, Script: to(9, 0).Script})
	}
	w := stub{coins: inputs}
	cfg := Config{Wallet: w, Node: node{}, Fee: feerate.Policy{Rate: rate}}
	_, err := Pay(t.Context(), cfg, Payment{Outputs: []txbuild.Output{to(1, 0)}, Sweep: true}, yes)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

// stub is a wallet that only has coins.
type stub struct {
	Wallet
	coins []coins.Coin
}

func (s stub) Mixdepths() int { return 1 }

func (s stub) Lease(_ string, ttl time.Duration, choose func(wallet.Choice) ([]coins.Coin, error)) (*coins.Lease, error) {
	return new(coins.Leases).Take("", ttl, func(leased func(wire.OutPoint) bool) ([]coins.Coin, error) {
		return choose(wallet.Choice{Coins: s.coins, InUse: leased})
	})
}

// node takes every rate.
type node struct{}

func (node) FeeRate(context.Context, int) (sats.Amount, error) { return 1000, nil }
func (node) MinFeeRate(context.Context) (sats.Amount, error)   { return 1000, nil }
