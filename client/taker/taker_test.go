package taker

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
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
					if took := time.Since(began); told && took > 10*time.Second || took > 80*time.Second {
						t.Errorf("took %v", took)
					}
				})
			})
		}
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

func TestEndsBeforeTheFill(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*pit, *Config, *Payment)
		step   Step
		reason protocol.Reason
	}{
		"no funds":       {func(_ *pit, _ *Config, pay *Payment) { pay.Amount = 2 * btc }, StepChoose, protocol.ReasonNoFunds},
		"just no fees":   {func(_ *pit, _ *Config, pay *Payment) { pay.Amount = btc * 12 / 10 }, StepChoose, protocol.ReasonNoFunds},
		"mixdepth empty": {func(_ *pit, _ *Config, pay *Payment) { pay.Mixdepth = 1 }, StepChoose, protocol.ReasonNoFunds},
		"sweep of an empty mixdepth": {func(_ *pit, _ *Config, pay *Payment) { pay.Mixdepth, pay.Amount = 1, 0 }, StepChoose,
			protocol.ReasonNoFunds},
		"other network": {func(_ *pit, _ *Config, pay *Payment) { pay.Destination = "bc1qn0w7kmlmr7tfv7pp034nljdt9sjm9qslxpvu8u" },
			StepChoose, protocol.ReasonBadAddress},
		"tiny amount":            {func(_ *pit, _ *Config, pay *Payment) { pay.Amount = 27_299 }, StepChoose, protocol.ReasonAmountRange},
		"negative amount":        {func(_ *pit, _ *Config, pay *Payment) { pay.Amount = -1 }, StepChoose, protocol.ReasonAmountRange},
		"no makers":              {func(_ *pit, _ *Config, pay *Payment) { pay.Makers = 0 }, StepChoose, protocol.ReasonInternal},
		"more least than in all": {func(_ *pit, _ *Config, pay *Payment) { pay.MinMakers = 5 }, StepChoose, protocol.ReasonInternal},
		"few offers": {func(_ *pit, _ *Config, pay *Payment) { pay.Makers, pay.MinMakers = 6, 6 }, StepChoose,
			protocol.ReasonFewOffers},
		"excluded": {func(p *pit, _ *Config, pay *Payment) {
			pay.Exclude = []protocol.Nick{p.makers[0].nick, p.makers[1].nick}
		},
			StepChoose, protocol.ReasonFewOffers},
		"beyond the fee limits": {func(_ *pit, cfg *Config, _ *Payment) { cfg.Limits = Limits{Abs: 999, Rel: "0"} }, StepChoose,
			protocol.ReasonFewOffers},
		"no fee estimate": {func(p *pit, _ *Config, _ *Payment) { p.chain.SetFeeRate(0) }, StepChoose, protocol.ReasonChain},
		"daemon gone":     {func(p *pit, _ *Config, _ *Payment) { p.gone = errors.New("broken pipe") }, StepChoose, protocol.ReasonDaemonGone},
		"events ended":    {func(p *pit, _ *Config, _ *Payment) { close(p.events) }, StepChoose, protocol.ReasonDaemonGone},
	} {
		t.Run(name, func(t *testing.T) {
			inPit(t, 3, func(p *pit) {
				cfg, pay := p.config(), payment(btc/5, 3, 2)
				c.edit(p, &cfg, &pay)
				o := p.run(cfg, pay)
				p.wantFailure(o, c.step, c.reason)
				if strings.Contains(strings.Join(p.asked, "\n"), "fill") {
					t.Error("makers were asked")
				}
			})
		})
	}
}

func TestDeclined(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		taker, err := New(p.config())
		if err != nil {
			t.Fatal(err)
		}
		no := errors.New("too dear")
		var o outcome
		o.Result, o.err = taker.Run(p.t.Context(), payment(btc/5, 3, 2), func(q Quote) error {
			if p.leased() == 0 {
				t.Error("the quoted coins are not set aside")
			}
			if _, err := taker.Run(p.t.Context(), payment(btc/5, 3, 2), nil); !errors.Is(err, ErrBusy) {
				t.Errorf("a second attempt at once: %v", err)
			}
			for range 2000 { // the session is read on while the user thinks
				p.events <- control.ErrorEvent{Nick: p.makers[0].nick, Text: "noise"}
			}
			return no
		})
		p.wantFailure(o, StepApprove, protocol.ReasonDeclined)
		if !errors.Is(o.err, no) {
			t.Errorf("%v hides the user's reason", o.err)
		}
		if _, err := os.Stat(p.path); !errors.Is(err, os.ErrNotExist) {
			t.Error("a commitment was used up")
		}
		if strings.Contains(strings.Join(p.asked, "\n"), "fill") {
			t.Error("makers were asked")
		}
	})
}

// TestSlowDecision: when the user decides, the coins are no longer set aside.
func TestSlowDecision(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		taker, err := New(p.config())
		if err != nil {
			t.Fatal(err)
		}
		var o outcome
		o.Result, o.err = taker.Run(p.t.Context(), payment(btc/5, 3, 2), func(Quote) error {
			time.Sleep(leaseTime)
			return nil
		})
		p.wantFailure(o, StepFill, protocol.ReasonDeclined)
		if _, err := os.Stat(p.path); !errors.Is(err, os.ErrNotExist) {
			t.Error("a commitment was used up")
		}
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

func TestCancelled(t *testing.T) {
	for _, command := range []string{"fill", "auth", "tx"} {
		inPit(t, 3, func(p *pit) {
			taker, err := New(p.config())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(p.t.Context())
			defer cancel()
			p.twist = func(c string, _ *maker, answer []any) []any {
				if c == command {
					cancel()
					return nil
				}
				return answer
			}
			var o outcome
			o.Result, o.err = taker.Run(ctx, payment(btc/5, 3, 2), func(Quote) error { return nil })
			var e *Error
			if !errors.As(o.err, &e) || e.Reason != protocol.ReasonCancelled || p.leased() != 0 {
				t.Errorf("cancelled during %s: %v, %v set aside", command, o.err, p.leased())
			}
		})
	}
}

func TestDaemonGoneHalfWay(t *testing.T) {
	for command, step := range map[string]Step{"fill": StepFill, "auth": StepCollect, "tx": StepSign} {
		inPit(t, 3, func(p *pit) {
			p.twist = func(c string, m *maker, answer []any) []any {
				if c == command && m == p.makers[0] {
					p.gone = errors.New("connection reset")
				}
				return answer
			}
			p.wantFailure(p.run(p.config(), payment(btc/5, 3, 2)), step, protocol.ReasonDaemonGone)
		})
	}
}

// TestT12CommitmentIsRecordedFirst looks into the file when the fill arrives.
func TestT12CommitmentIsRecordedFirst(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		filled := 0
		p.twist = func(c string, _ *maker, answer []any) []any {
			if c == "fill" {
				filled++
				raw, err := os.ReadFile(p.path)
				if err != nil || !strings.Contains(string(raw), hex.EncodeToString(p.commitment[:])) {
					t.Errorf("the commitment left before it was recorded: %v", err)
				}
			}
			return answer
		}
		p.wantJoin(p.run(p.config(), payment(btc/5, 3, 2)), 3)
		if filled != 3 {
			t.Errorf("%d fills", filled)
		}
	})
}

func TestT12NoCommitmentLeft(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		p.twist = func(c string, _ *maker, answer []any) []any { return nil }
		cfg := p.config()
		for range 9 { // three coins, three tries
			p.wantFailure(p.run(cfg, payment(btc/5, 3, 2)), StepFill, protocol.ReasonFewMakers)
		}
		o := p.run(cfg, payment(btc/5, 3, 2))
		p.wantFailure(o, StepFill, protocol.ReasonNoCommitment)
		if !strings.Contains(o.err.Error(), "used 3 times") {
			t.Errorf("the error does not explain: %v", o.err)
		}
	})
}

func TestBroadcastPolicies(t *testing.T) {
	withhold := func(c string, _ *maker, answer []any) []any {
		if c == "push" {
			return withheld
		}
		return answer
	}
	pushes := func(p *pit) int { return strings.Count(strings.Join(p.asked, "\n"), "push") }

	inPit(t, 3, func(p *pit) {
		cfg := p.config()
		cfg.Broadcast = NotSelf
		p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
		if pushes(p) != 1 {
			t.Errorf("not-self: %d makers were asked", pushes(p))
		}
	})
	t.Run("T21 withheld by the first", func(t *testing.T) {
		inPit(t, 3, func(p *pit) {
			cfg := p.config()
			cfg.Broadcast = NotSelf
			p.twist = func(c string, m *maker, answer []any) []any {
				if pushes(p) == 1 {
					return withhold(c, m, answer)
				}
				return answer
			}
			p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
			if pushes(p) != 2 {
				t.Errorf("%d makers were asked", pushes(p))
			}
		})
	})
	t.Run("T21 withheld by all", func(t *testing.T) {
		inPit(t, 3, func(p *pit) {
			cfg := p.config()
			cfg.Broadcast = NotSelf
			p.twist = withhold
			o := p.run(cfg, payment(btc/5, 3, 2))
			if ReasonOf(o.err) != protocol.ReasonUnseen || o.Tx == nil || pushes(p) != 3 {
				t.Errorf("%v, %d makers asked", o.err, pushes(p))
			}
			if p.leased() == 0 {
				t.Error("coins are free although makers have the signed transaction (attack D4)")
			}
		})
	})
	t.Run("random-peer falls back", func(t *testing.T) {
		asked := 0
		for tries := 0; asked == 0 && tries < 40; tries++ { // until it was a maker's turn
			inPit(t, 3, func(p *pit) {
				cfg := p.config()
				cfg.Broadcast = RandomPeer
				p.twist = withhold
				p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
				asked += pushes(p)
			})
		}
		if asked != 1 {
			t.Errorf("%d makers were asked", asked)
		}
	})
	t.Run("session over before the push", func(t *testing.T) {
		inPit(t, 3, func(p *pit) {
			cfg := p.config()
			cfg.Broadcast = RandomPeer
			p.twist = func(c string, m *maker, answer []any) []any {
				if c == "push" {
					p.gone = errors.New("connection reset")
					return withheld
				}
				return answer
			}
			p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
		})
	})
}

func TestSendersAreDrawn(t *testing.T) {
	makers := []party{{nick: "a"}, {nick: "b"}, {nick: "c"}}
	counts := map[string]int{}
	const draws = 40_000
	for range draws {
		counts[fmt.Sprintf("%q", RandomPeer.senders(makers))]++
		counts[fmt.Sprintf("%q", NotSelf.senders(makers))]++
	}
	for senders, share := range map[string]int{`[""]`: 4, `["a" ""]`: 4, `["b" ""]`: 4, `["c" ""]`: 4,
		`["a" "b" "c"]`: 6, `["a" "c" "b"]`: 6, `["b" "a" "c"]`: 6, `["b" "c" "a"]`: 6, `["c" "a" "b"]`: 6, `["c" "b" "a"]`: 6} {
		if n := counts[senders]; n < draws/share-700 || n > draws/share+700 { // eight deviations
			t.Errorf("%s in %d of %d draws", senders, n, draws)
		}
	}
	if len(counts) != 10 || fmt.Sprintf("%q", Self.senders(makers)) != `[""]` {
		t.Errorf("%d ways to send", len(counts))
	}
}

func TestOwnNodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		reason protocol.Reason
		kept   bool
	}{
		"rejected":    {chain.ErrRejected, protocol.ReasonRejected, false},
		"unreachable": {chain.ErrUnreachable, protocol.ReasonChain, true}, // it may have the transaction
	} {
		t.Run(name, func(t *testing.T) {
			inPit(t, 3, func(p *pit) {
				cfg := p.config()
				cfg.Wallet = otherChain{p.wallet, failingChain{p.wallet.Chain(), c.err, false}}
				o := p.run(cfg, payment(btc/5, 3, 2))
				if ReasonOf(o.err) != c.reason || o.Tx == nil || (p.leased() != 0) != c.kept {
					t.Errorf("%v, %v set aside", o.err, p.leased())
				}
			})
		})
	}
}

// TestRefusedButThere: the node has the transaction although it says no.
func TestRefusedButThere(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		cfg := p.config()
		cfg.Wallet = otherChain{p.wallet, failingChain{p.wallet.Chain(), chain.ErrRejected, true}}
		p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
		if p.leased() == 0 {
			t.Error("the coins are free although they are spent")
		}
	})
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
			o := p.run(p.config(), payment(amount, n, rng.IntN(n)+1))
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
