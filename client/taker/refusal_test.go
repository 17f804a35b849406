package taker

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

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
		o := p.decide(p.config(), payment(btc/5, 3, 2), func(Quote) error {
			time.Sleep(leaseTime)
			return nil
		})
		p.wantFailure(o, StepFill, protocol.ReasonDeclined)
		if _, err := os.Stat(p.path); !errors.Is(err, os.ErrNotExist) {
			t.Error("a commitment was used up")
		}
	})
}

// TestGoneWhileDeciding: a daemon that is lost while the user decides costs no
// commitment.
func TestGoneWhileDeciding(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		o := p.decide(p.config(), payment(btc/5, 3, 2), func(Quote) error {
			p.gone = errors.New("broken pipe")
			close(p.events)
			return nil
		})
		p.wantFailure(o, StepFill, protocol.ReasonDaemonGone)
		if _, err := os.Stat(p.path); !errors.Is(err, os.ErrNotExist) {
			t.Error("a commitment was used up")
		}
	})
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
		p.wantFailure(o, StepChoose, protocol.ReasonNoCommitment)
		if !strings.Contains(o.err.Error(), "used 3 times") {
			t.Errorf("the error does not explain: %v", o.err)
		}
	})
}
