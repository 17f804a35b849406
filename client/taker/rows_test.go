package taker

import (
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// TestT15BaitIsNotAlwaysTaken: who offers the lowest fee is drawn as often as
// anybody else, and a maker that refuses to learn more sees no second coin of
// ours in the next attempt.
func TestT15BaitIsNotAlwaysTaken(t *testing.T) {
	taker := chooserOf(t, "1", sats.Max, nil) // the default
	list := []Candidate{{Nick: "bait", Fee: 1}}
	for i := range 19 {
		list = append(list, Candidate{Nick: protocol.Nick(rune('a' + i)), Fee: sats.Amount(1000 * i)})
	}
	const draws = 4000
	taken := 0
	for range draws {
		chosen, _, _, err := taker.pick(list, 5, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range chosen {
			if c.Nick == "bait" {
				taken++
			}
		}
	}
	if want := draws / 4; taken < want-200 || taken > want+200 { // seven deviations
		t.Errorf("the bait is taken %d times of %d, want about %d", taken, draws, want)
	}

	inPit(t, 12, func(p *pit) {
		coins := map[string]bool{}
		p.stop("tx", 2, "told")
		twist := p.twist
		p.twist = func(c string, m *maker, answer []any) []any {
			if c == "auth" {
				proof, err := podle.ParseRevelation(p.revelation)
				if err != nil {
					t.Fatal(err)
				}
				coins[proof.UTXO.String()] = true
			}
			return twist(c, m, answer)
		}
		cfg := p.config()
		cfg.Retries = 2
		o := p.run(cfg, payment(btc/5, 4, 2))
		p.wantJoin(o, len(o.Parts)-1)
		if len(o.Earlier) == 0 || len(coins) != 1 {
			t.Errorf("%d attempts before; %d coins were shown", len(o.Earlier), len(coins))
		}
	})
}

// TestT22NothingTellsTheTaker: where own inputs and outputs stand in the
// transaction is drawn, and the coin that is committed to is from the mixdepth
// that pays.
func TestT22NothingTellsTheTaker(t *testing.T) {
	inputs, outputs := map[int]int{}, map[int]int{}
	for range 40 {
		inPit(t, 3, func(p *pit) {
			o := p.run(p.config(), payment(btc/5, 3, 3))
			p.wantJoin(o, 3)
			for i, in := range o.Tx.TxIn {
				if in.PreviousOutPoint == o.Parts[0].Inputs[0].OutPoint {
					inputs[i]++
				}
			}
			for i, out := range o.Tx.TxOut {
				if string(out.PkScript) == string(o.Parts[0].CJOut) {
					outputs[i]++
				}
			}
		})
	}
	// That one place of four is never taken, or one of eight more than half of
	// the times, happens once in ten thousand.
	if len(inputs) < 4 || len(outputs) < 5 {
		t.Errorf("own inputs stand at %v, the payment at %v", inputs, outputs)
	}

	inPit(t, 3, func(p *pit) {
		other, err := p.wallet.NextAddress(1, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.chain.Pay(other.Script, 3*btc)
		p.chain.Mine(10)
		fresh, err := p.wallet.NextAddress(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.chain.Pay(fresh.Script, 2*btc) // too young, and the others too small
		p.chain.Mine(1)
		p.sync()
		for _, m := range p.makers {
			m.earn(9 * btc)
		}
		p.chain.Mine(1)
		p.wantFailure(p.run(p.config(), payment(btc*28/10, 3, 3)), StepChoose, protocol.ReasonNoCommitment)
	})
}

// TestT20DoubleSpentAfterwards: a maker that signs and then spends its coin
// elsewhere costs nothing: the transaction is pending and not seen, our coins are
// free again when it is given up, and the next CoinJoin shows no address of the
// first.
func TestT20DoubleSpentAfterwards(t *testing.T) {
	inPit(t, 5, func(p *pit) {
		first := p.run(p.config(), payment(btc/5, 4, 2))
		p.wantJoin(first, 4)
		p.sync()
		thief := p.maker(first.Parts[1].Nick)
		p.chain.Evict(first.Tx.TxHash())
		_, script := p.newKey()
		theft := wire.NewMsgTx(2)
		theft.AddTxIn(wire.NewTxIn(&thief.opened[0].OutPoint, nil, nil))
		theft.AddTxOut(wire.NewTxOut(int64(thief.opened[0].Value)-10_000, script))
		if !thief.signInput(theft, 0) {
			t.Fatal("not signed")
		}
		if err := p.wallet.Chain().Broadcast(t.Context(), theft); err != nil {
			t.Fatal(err)
		}
		p.makers = slices.DeleteFunc(p.makers, func(m *maker) bool { return m == thief })
		p.chain.Mine(6)
		p.sync()
		kept := p.wallet.Pending()
		if len(kept) != 1 || kept[0].Seen {
			t.Fatalf("pending: %+v", kept)
		}
		if err := p.wallet.Forget(kept[0].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(leaseTime) // so long coins of a signed transaction stay set aside
		balances, err := p.wallet.Balances()
		if err != nil || balances[0].Total() < btc*9/10 || p.leased() != 0 {
			t.Fatalf("after the double spend: %+v, %v", balances[0], err)
		}
		p.wantJoin(p.run(p.config(), payment(btc/5, 3, 2)), 3)
		p.wantFreshAddresses()
	})
}

// TestP9OddDestination: a destination of another type than the makers' outputs
// stands out, and the quote says so.
func TestP9OddDestination(t *testing.T) {
	for address, odd := range map[string]bool{
		"bcrt1qvrv4w4kfsv06a7883pyx26euhwfpadg6cyn72y":                     false,
		"bcrt1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqvg32hk": true,
	} {
		inPit(t, 3, func(p *pit) {
			pay := payment(btc/5, 3, 3)
			pay.Destination = address
			if o := p.run(p.config(), pay); o.err != nil || o.quote.OddType != odd {
				t.Errorf("%s: odd %v, %v", address, o.quote.OddType, o.err)
			}
		})
	}
}
