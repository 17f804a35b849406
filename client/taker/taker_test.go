package taker

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// inPit runs a test with a market of n makers, in fake time.
func inPit(t *testing.T, n int, test func(p *pit)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newPit(t, n)) })
}

func TestPayment(t *testing.T) {
	inPit(t, 5, func(p *pit) {
		o := p.run(p.config(), payment(btc/5, 4, 2))
		p.wantJoin(o, 4)
		p.wantDropped(o, "")
		if o.quote.Change == 0 || o.Parts[0].Change.Value == 0 || o.quote.AnonymitySet() != 5 || o.quote.Sweep {
			t.Errorf("quote %+v", o.quote)
		}
		if p.leased() == 0 {
			t.Error("the coins are free before the wallet has seen that they are spent")
		}
		var steps []Step
		for _, s := range o.Steps {
			steps = append(steps, s.Step)
		}
		if fmt.Sprint(steps) != "[choose approve fill collect sign broadcast]" {
			t.Errorf("steps %v", steps)
		}
		p.sync()
		if n := p.leased(); n != 0 {
			t.Errorf("%v set aside after the wallet saw the spending", n)
		}
	})
}

func TestSweep(t *testing.T) {
	inPit(t, 4, func(p *pit) {
		p.makers[0].offer = protocol.Offer{Type: protocol.SW0RelOffer, MaxSize: 10 * btc, CJFee: "0.0003"}
		p.makers[1].offer.TxFee = 200
		for _, m := range p.makers {
			m.earn(2 * btc)
		}
		p.chain.Mine(6)
		late, err := p.wallet.NextAddress(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.chain.Pay(late.Script, btc) // unconfirmed, so not to be swept
		p.sync()
		o := p.run(p.config(), payment(0, 4, 4))
		p.wantJoin(o, 4)
		if o.Parts[0].Change.Value != 0 || len(o.Parts[0].Inputs) != 3 || !o.quote.Sweep || o.quote.Change != 0 {
			t.Errorf("a sweep leaves %d", o.Parts[0].Change.Value)
		}
		p.sync()
		if balances, _ := p.wallet.Balances(); balances[0].Total() != btc {
			t.Errorf("%v remain", balances[0].Total())
		}
	})
}

// TestT11MakersGoSilent has one maker stop at each step, told by the daemon, or
// noticed by the taker's own clock when the daemon tells nothing.
func TestT11MakersGoSilent(t *testing.T) {
	for _, told := range []bool{true, false} {
		for command, late := range map[string]protocol.Reason{
			"fill": protocol.ReasonTimeoutFill, "auth": protocol.ReasonTimeoutAuth, "tx": protocol.ReasonTimeoutTx,
		} {
			t.Run(fmt.Sprintf("%s told %v", command, told), func(t *testing.T) {
				inPit(t, 4, func(p *pit) {
					p.twist = func(c string, m *maker, answer []any) []any {
						switch {
						case c != command || m != p.makers[2]:
							return answer
						case told:
							return []any{control.FailedEvent{Attempt: p.attempt, Maker: m.nick, Reason: late}}
						}
						return nil
					}
					began := time.Now()
					o := p.run(p.config(), payment(btc/5, 4, 3))
					if command == "tx" {
						p.wantFailure(o, StepSign, protocol.ReasonFewMakers) // each input must be signed
					} else {
						p.wantJoin(o, 3)
					}
					p.wantDropped(o, late, p.makers[2])
					if took := time.Since(began); told && took > 10*time.Second || took > control.DefaultDeadline+20*time.Second {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

// TestSlowChannel: on a channel with a pace, the time for an answer begins when
// the question has left. The last maker gets the transaction some 20 s late and
// takes almost all its time. That the channel is slow is configured, or the daemon
// has found it out.
func TestSlowChannel(t *testing.T) {
	for i, command := range []string{"auth", "tx", "auth", "tx"} {
		inPit(t, 4, func(p *pit) {
			p.twist = func(c string, m *maker, answer []any) []any {
				if c != command || m != p.makers[3] {
					return answer
				}
				time.AfterFunc(10*time.Second+control.DefaultDeadline, func() {
					for _, e := range answer {
						p.events <- e
					}
				})
				return nil
			}
			cfg := p.config()
			cfg.Timeouts.Line = control.DefaultLineInterval
			if i >= 2 {
				cfg.Timeouts.Line, p.learnt = 0, cfg.Timeouts.Line
			}
			p.wantJoin(p.run(cfg, payment(btc/5, 4, 4)), 4)
		})
	}
}

func TestTooFewAnswer(t *testing.T) {
	for command, step := range map[string]Step{"fill": StepFill, "auth": StepCollect} {
		inPit(t, 3, func(p *pit) {
			p.twist = func(c string, m *maker, answer []any) []any {
				if c == command && m != p.makers[0] {
					return nil
				}
				return answer
			}
			o := p.run(p.config(), payment(btc/5, 3, 2))
			p.wantFailure(o, step, protocol.ReasonFewMakers)
			if command == "fill" && strings.Contains(strings.Join(p.asked, "\n"), "auth") {
				t.Error("the commitment was opened although too few makers took the fill (attack T12)")
			}
		})
	}
}

// TestLeavesBetweenSteps: a maker that took the fill is gone before the
// commitment is opened to it.
func TestLeavesBetweenSteps(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		p.twist = func(c string, m *maker, answer []any) []any {
			if c == "fill" && m == p.makers[0] {
				answer = append(answer, control.FailedEvent{Attempt: p.attempt, Maker: m.nick, Reason: protocol.ReasonLeft})
			}
			return answer
		}
		o := p.run(p.config(), payment(btc/5, 3, 2))
		p.wantJoin(o, 2)
		p.wantDropped(o, protocol.ReasonLeft, p.makers[0])
	})
}

// TestContributionsCountInPaymentsOnly: in a sweep what makers contribute to
// the miner fee makes their offers no cheaper.
func TestContributionsCountInPaymentsOnly(t *testing.T) {
	for amount, good := range map[sats.Amount]bool{btc / 5: true, 0: false} {
		inPit(t, 3, func(p *pit) {
			for _, m := range p.makers {
				m.offer.CJFee, m.offer.TxFee = "1000", 600
				m.earn(2 * btc)
			}
			p.chain.Mine(1)
			p.sync()
			cfg := p.config()
			cfg.Limits = Limits{Abs: 400, Rel: "0"}
			if o := p.run(cfg, payment(amount, 3, 2)); good {
				p.wantJoin(o, 3)
			} else {
				p.wantFailure(o, StepChoose, protocol.ReasonFewOffers)
			}
		})
	}
}

// TestNobodyOverpays makes random joins with random failures: what succeeds
// holds the invariants of wantJoin, what fails leaves no coin set aside.
func TestNobodyOverpays(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	joined := 0
	for round := range 25 {
		inPit(t, 0, func(p *pit) {
			n := rng.IntN(5) + 2
			for range n {
				offer := protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: 10 * btc, CJFee: fmt.Sprint(rng.IntN(20_000)),
					TxFee: sats.Amount(rng.IntN(3) * rng.IntN(1000))}
				if rng.IntN(2) == 0 {
					offer.Type, offer.CJFee = protocol.SW0RelOffer, fmt.Sprintf("0.000%02d", rng.IntN(100))
				}
				var values []sats.Amount
				for range rng.IntN(6) + 1 {
					values = append(values, sats.Amount(rng.Int64N(int64(btc)))+btc/4)
				}
				p.join(offer, append(values, 2*btc)...)
			}
			p.chain.SetFeeRate(sats.Amount(rng.IntN(60_000) + 1000))
			p.sync()
			p.twist = func(c string, m *maker, answer []any) []any {
				if c == "auth" && rng.IntN(10) == 0 || c == "fill" && rng.IntN(10) == 0 || c == "tx" && rng.IntN(40) == 0 {
					return []any{control.FailedEvent{Attempt: p.attempt, Maker: m.nick, Reason: protocol.ReasonRefused}}
				}
				return answer
			}
			amount := sats.Amount(rng.Int64N(int64(btc/2))) + 100_000
			if rng.IntN(3) == 0 {
				amount = 0
			}
			cfg := p.config()
			cfg.Retries = rng.IntN(3) - 1
			o := p.run(cfg, payment(amount, n, rng.IntN(n)+1))
			if o.err == nil {
				joined++
				p.wantJoin(o, len(o.Parts)-1)
				return
			}
			if reason := ReasonOf(o.err); p.leased() != 0 || reason == protocol.ReasonInternal {
				t.Errorf("round %d: %v, %v set aside", round, o.err, p.leased())
			}
		})
	}
	t.Logf("%d of 25 rounds succeeded", joined)
	if joined < 8 {
		t.Errorf("only %d of 25 rounds succeeded", joined)
	}
}

// TestD9LogIsClean runs an attempt with one bad maker and looks for coins,
// addresses and transactions in the log.
func TestD9LogIsClean(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		cfg := p.config()
		log := logged(&cfg)
		p.twist = func(c string, m *maker, answer []any) []any {
			if e, ok := answer[0].(control.IOAuthEvent); ok && m == p.makers[0] {
				e.ChangeAddress = e.CJAddress
				return []any{e}
			}
			return answer
		}
		o := p.run(cfg, payment(btc/5, 3, 2))
		p.wantJoin(o, 2)
		p.wantDropped(o, protocol.ReasonBadAddress, p.makers[0])
		secrets := []string{o.TxID(), "bcrt1", addressText(t, p.makers[0].cj), addressText(t, p.makers[1].change)}
		for _, part := range o.Parts {
			secrets = append(secrets, hex.EncodeToString(part.CJOut))
			for _, in := range part.Inputs {
				secrets = append(secrets, in.OutPoint.Hash.String())
			}
		}
		for _, s := range secrets {
			if strings.Contains(log.String(), s) {
				t.Errorf("the log tells %s:\n%s", s, log)
			}
		}
		if !strings.Contains(log.String(), string(p.makers[0].nick)) {
			t.Error("the log does not tell who was left out")
		}
	})
}
