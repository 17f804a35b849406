package taker

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// simulated is how many CoinJoins are tried for each mix of faults; make simulate
// tries a thousand.
var simulated = flag.Int("coinjoins", 8, "CoinJoins tried for each mix of faults in TestSimulation")

// mix is how many of a hundred makers are dead, slow and hostile.
type mix struct{ dead, slow, hostile int }

// survivable is the mix that 97 of 100 CoinJoins must survive.
var survivable = mix{30, 10, 10}

var mixes = []mix{{0, 0, 0}, {10, 0, 0}, {30, 0, 0}, {0, 10, 0}, {0, 0, 10}, survivable, {40, 10, 20}, {50, 20, 20}}

// simulatedMakers offer the amount; of so many the taker draws 8 to 10 and goes
// on with at least 4, as jm sendpayment does.
const simulatedMakers = 36

// tally is what came of the CoinJoins of a mix. A CoinJoin is what the user
// started and agreed to once; joined are those that came about by that, firstTx
// those of them whose first transaction everybody signed. fourth are CoinJoins of
// takers that had made three there before, fourthTx those by the first transaction.
type tally struct {
	runs, joined, firstTx, fewer, commitments int
	fourth, fourthTx                          int
	took                                      []time.Duration
	reasons                                   map[string]int
}

// TestSimulation tries CoinJoins among makers of whom some are dead, slow or
// hostile, in simulated time, and prints how many succeed (attack T11). Whatever
// the makers do, no CoinJoin costs more than its quote, and no address is used
// twice.
func TestSimulation(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %s | %s | %s |\n|---|---|---|---|---|---|---|---|\n",
		"dead, slow, hostile", "CoinJoins", "succeeded, started once", "by the first transaction", "the same, fourth CoinJoin there", "fewer makers than wanted", "commitments each", "median time")
	for i, m := range mixes {
		total := tally{reasons: map[string]int{}}
		for seed := range *simulated {
			inPit(t, 0, func(p *pit) { p.simulate(rand.New(rand.NewPCG(uint64(i), uint64(seed))), m, &total) })
		}
		slices.Sort(total.took)
		share := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(total.runs)) }
		fourth := ""
		if total.fourth > 0 {
			fourth = fmt.Sprintf("%.1f %%", 100*float64(total.fourthTx)/float64(total.fourth))
		}
		fmt.Fprintf(&table, "| %d %%, %d %%, %d %% | %d | %s | %s | %s | %s | %.2f | %v |\n", m.dead, m.slow, m.hostile, total.runs,
			share(total.joined), share(total.firstTx), fourth, share(total.fewer), float64(total.commitments)/float64(total.runs),
			total.took[len(total.took)/2].Round(time.Second))
		if len(total.reasons) > 0 {
			t.Logf("%+v: ended with %v", m, total.reasons)
		}
		allowed := total.runs * 3 / 100
		if total.runs < 200 { // a few tell little
			allowed += 3
		}
		if m == survivable && total.runs-total.joined > allowed {
			t.Errorf("%d of %d CoinJoins succeeded; the others ended with %v", total.joined, total.runs, total.reasons)
		}
	}
	t.Logf("\n%s", &table)
}

// simulate tries one CoinJoin in a market drawn from the source.
func (p *pit) simulate(rng *rand.Rand, m mix, total *tally) {
	behave := map[protocol.Nick]func(command string, answer []any) ([]any, time.Duration){}
	for i := range simulatedMakers {
		offer := protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: 10 * btc, CJFee: fmt.Sprint(rng.IntN(5000))}
		if rng.IntN(2) == 0 {
			offer.Type, offer.CJFee = protocol.SW0RelOffer, fmt.Sprintf("0.0000%02d", rng.IntN(100))
		}
		values := []sats.Amount{2 * btc}
		for range rng.IntN(3) {
			values = append(values, sats.Amount(rng.Int64N(int64(btc)))+btc/4)
		}
		made := p.enlist(offer, values...)
		switch kind := (i*100 + rng.IntN(100)) / simulatedMakers; {
		case kind < m.dead:
			behave[made.nick] = func(string, []any) ([]any, time.Duration) { return nil, 0 }
		case kind < m.dead+m.slow:
			behave[made.nick] = func(_ string, answer []any) ([]any, time.Duration) {
				return answer, 20*time.Second + time.Duration(rng.Int64N(int64(70*time.Second)))
			}
		case kind < m.dead+m.slow+m.hostile:
			behave[made.nick] = p.hostile(rng, made)
		}
	}
	p.chain.Mine(1)
	p.sync()
	p.reply = func(command string, m *maker, answer []any) ([]any, time.Duration) {
		honest := 200*time.Millisecond + time.Duration(rng.ExpFloat64()*float64(1500*time.Millisecond))
		if other := behave[m.nick]; other != nil {
			answer, delay := other(command, answer)
			return answer, max(delay, honest)
		}
		return answer, honest
	}
	began := time.Now()
	n, o := p.simulated(rng, nil)
	total.runs++
	total.commitments += p.committed()
	total.took = append(total.took, time.Since(began))
	if o.err != nil {
		total.reasons[o.err.Error()]++
		return
	}
	total.joined++
	if len(o.Earlier) == 0 {
		total.firstTx++
	}
	if len(o.Parts)-1 < n {
		total.fewer++
	}
	if m.hostile > 0 && (*simulated >= 100 || total.runs == 1) { // once in go test
		p.goOn(rng, o, total)
	}
}

// simulated tries one CoinJoin with n makers.
func (p *pit) simulated(rng *rand.Rand, avoid []protocol.Nick) (n int, o outcome) {
	cfg := p.config()
	cfg.Retries, cfg.Chooser = 0, RandomUnderMax // the default number
	cfg.Timeouts.Answer = time.Minute
	n, amount := 8+rng.IntN(3), sats.Amount(rng.Int64N(int64(btc/2)))+100_000
	if rng.IntN(5) == 0 {
		amount = 0
	}
	pay := payment(amount, n, 4)
	pay.Avoid = avoid
	sent := len(p.chain.Mempool())
	o = p.run(cfg, pay)
	p.wantFreshAddresses()
	if o.err == nil {
		p.wantJoin(o, len(o.Parts)-1)
	} else if leased := p.leased(); leased != 0 || len(p.chain.Mempool()) != sent {
		p.t.Errorf("after %v %v are set aside and %d transactions were sent", o.err, leased, len(p.chain.Mempool())-sent)
	}
	return n, o
}

// goOn makes further CoinJoins in the market, with new coins of all, in which the
// taker avoids whom it knows to have spoiled a transaction, as jm does for a day.
func (p *pit) goOn(rng *rand.Rand, o outcome, total *tally) {
	var spoilers []protocol.Nick
	for round := 2; round <= 4; round++ {
		dropped := o.Dropped
		for _, earlier := range o.Earlier {
			dropped = append(dropped, earlier.Dropped...)
		}
		for _, d := range dropped {
			if d.Step == StepSign {
				spoilers = append(spoilers, d.Nick)
			}
		}
		for _, m := range p.makers {
			m.coins = nil
			m.earn(2 * btc)
		}
		p.wallet = p.newWallet(btc/2, btc*4/10, btc*3/10)
		if _, o = p.simulated(rng, spoilers); round < 4 {
			continue
		}
		total.fourth++
		if o.err == nil && len(o.Earlier) == 0 {
			total.fourthTx++
		}
	}
}

// hostile is a maker that does one of the things that makers should not.
func (p *pit) hostile(rng *rand.Rand, m *maker) func(string, []any) ([]any, time.Duration) {
	deed := rng.IntN(9)
	m.liar = true
	return func(command string, answer []any) ([]any, time.Duration) {
		if len(answer) == 0 {
			return answer, 0
		}
		switch e := answer[0].(type) {
		case control.PubKeyEvent:
			if deed == 0 {
				return []any{control.FailedEvent{Attempt: e.Attempt, Maker: m.nick, Reason: protocol.ReasonRefused}}, 0
			}
		case control.IOAuthEvent:
			switch deed {
			case 1: // vanishes when it has seen the taker's coin
				return nil, 0
			case 2: // a coin that is not there
				e.UTXOs = append(slices.Clone(e.UTXOs), strings.Repeat("ab", 32)+":0")
			case 3: // somebody else's coin
				e.UTXOs = append(slices.Clone(e.UTXOs), p.makers[rng.IntN(len(p.makers))].coins[0].OutPoint.String())
			case 4: // somebody in between
				e.PubKey = strings.Repeat("42", 32)
			case 5: // one address for two outputs
				e.ChangeAddress = e.CJAddress
			}
			return []any{e}, 0
		case control.SigEvent:
			switch deed {
			case 6: // vanishes before it signs
				return nil, 0
			case 7: // signs less than it should
				return answer[1:], 0
			case 8: // signs something else
				for i := range answer {
					answer[i] = control.SigEvent{Attempt: e.Attempt, Maker: m.nick, Sig: "AAAA"}
				}
			}
		}
		return answer, 0
	}
}

// wantFreshAddresses checks that no output address of one transaction that was
// shown to makers is in another, but the user's destination.
func (p *pit) wantFreshAddresses() {
	p.t.Helper()
	users := 0
	seen := map[string]bool{}
	for _, tx := range p.shown {
		for _, out := range tx.TxOut {
			if seen[string(out.PkScript)] {
				users++
			}
			seen[string(out.PkScript)] = true
		}
	}
	if users > max(0, len(p.shown)-1) {
		p.t.Errorf("%d addresses are used again in %d transactions", users, len(p.shown))
	}
}
