package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
)

// takerConfig turns flags and configuration into what a taker needs.
func (a *app) takerConfig(o payOptions) (taker.Config, error) {
	policy := a.cfg.Policy
	cfg := taker.Config{
		MaxFeeChange: policy.MaxSweepFeeChange,
		Broadcast:    taker.Broadcast(policy.TxBroadcast),
		Timeouts: taker.Timeouts{Book: a.cfg.Timeout.Maker, Quiet: a.quiet(), Answer: a.cfg.Timeout.Maker, Line: a.lineInterval(),
			Seen: a.cfg.Timeout.Unconfirm},
		Journal:  a.journal(),
		Logger:   a.log,
		Progress: func(_ taker.Step, text string) { a.term.waiting(text) },
	}
	var err error
	if cfg.FeeRate, err = a.txFee(o); err != nil {
		return cfg, err
	}
	if cfg.Bonds, err = bondRates(policy); err != nil {
		return cfg, err
	}
	if o.pick {
		// What the user picks is within any limit.
		cfg.Pick, cfg.Limits = a.pickMaker, taker.Limits{Abs: sats.Max, Rel: "1"}
		return cfg, nil
	}
	if cfg.Limits, err = a.feeLimits(o); err != nil {
		return cfg, err
	}
	cfg.Chooser, err = o.law(policy)
	return cfg, err
}

// choosing are the flags that say how makers are chosen.
var choosing = []string{"fidelity-bond-weighted-choose", "random-choose", "cheapest-choose", "weighted-choose", "order-choose-algorithm"}

// law is the one by which makers are drawn.
func (o payOptions) law(policy config.Policy) (taker.Chooser, error) {
	switch {
	case o.random || o.chooser == "random_under_max_order_choose":
		return taker.RandomUnderMax, nil
	case o.cheapest || o.chooser == "cheapest_order_choose":
		return taker.Cheapest, nil
	case o.weighted || o.chooser == "weighted_order_choose" || o.chooser == "weightedorder_choose":
		return taker.Weighted, nil
	case o.chooser != "" && o.chooser != "fidelity_bond_weighted_order_choose":
		return nil, usagef("--order-choose-algorithm %q: unknown; see jm sendpayment --help", o.chooser)
	}
	bondless, err := bondlessAllowance(policy)
	return taker.BondWeighted(bondless), err
}

// bondlessAllowance is the chance that a draw does not look at bonds.
func bondlessAllowance(policy config.Policy) (float64, error) {
	bondless, err := strconv.ParseFloat(policy.BondlessAllowance, 64)
	if err != nil {
		return 0, fmt.Errorf("bondless_makers_allowance: %w", err)
	}
	return bondless, nil
}

// bondRates are the user's opinion on what fidelity bonds are worth.
func bondRates(policy config.Policy) (rates bond.Rates, err error) {
	interest, errInterest := strconv.ParseFloat(policy.InterestRate, 64)
	exponent, errExponent := strconv.ParseFloat(policy.BondExponent, 64)
	if err := errors.Join(errInterest, errExponent); err != nil {
		return rates, fmt.Errorf("interest_rate and bond_value_exponent: %w", err)
	}
	rates = bond.Rates{Interest: interest, Exponent: exponent}
	return rates, rates.Check()
}

// txFee is the rate that tx_fees or -f asks for.
func (a *app) txFee(o payOptions) (feerate.Policy, error) {
	policy := a.cfg.Policy
	p := feerate.Policy{TxFees: policy.TxFees, Factor: policy.TxFeesFactor, Absurd: policy.AbsurdFeePerKB}
	if o.txfee < 0 {
		return p, usagef("-f %d: want a target in blocks, 1 to 1000, or a rate in sat/kvB", o.txfee)
	}
	if o.txfee != 0 {
		p.TxFees = o.txfee
	}
	return p, nil
}

// lineInterval is the time between two lines on the slowest channel. Those of an
// onion channel leave at once.
func (a *app) lineInterval() (longest time.Duration) {
	for _, c := range a.cfg.Channels {
		if c.Type != control.TypeOnion {
			longest = max(longest, cmp.Or(c.LineInterval, control.DefaultLineInterval))
		}
	}
	return longest
}

// torQuiet is how long no offer may come by onion services before no more are
// waited for. Half of them take 40 s (spec: onion timers); maker_timeout_sec is
// the limit.
const torQuiet = 15 * time.Second

// overTor reports whether offers come through Tor from makers' onion services.
func (a *app) overTor() bool {
	return slices.ContainsFunc(a.cfg.Channels, func(c control.ChannelConfig) bool {
		return c.Type == control.TypeOnion && !c.Loopback
	})
}

// quiet is how long the order book must have been still to count as complete:
// a few lines' time.
func (a *app) quiet() time.Duration {
	if a.overTor() {
		return max(4*a.lineInterval(), torQuiet)
	}
	return max(4*a.lineInterval(), 250*time.Millisecond)
}

// feeLimits are what one maker may ask: from flags, else the configuration,
// else the user. There is no silent default for what may be spent.
func (a *app) feeLimits(o payOptions) (taker.Limits, error) {
	limits := taker.Limits{Rel: a.cfg.Policy.MaxCJFeeRel, Abs: -1}
	if a.cfg.Policy.MaxCJFeeAbs != nil {
		limits.Abs = *a.cfg.Policy.MaxCJFeeAbs
	}
	if o.maxAbs >= 0 {
		limits.Abs = sats.Amount(o.maxAbs)
	}
	if o.maxRel != "" {
		limits.Rel = o.maxRel
	}
	if limits.Rel != "" && limits.Abs >= 0 {
		return limits, nil
	}
	rel, abs := "0.004", 4000+sats.Amount(random.N(int64(36_001))) // as the reference suggests (attack P11)
	if limits.Rel != "" {
		rel = limits.Rel
	}
	if limits.Abs >= 0 {
		abs = limits.Abs
	}
	yes, err := a.term.confirm(fmt.Sprintf("No fee limit is set. A maker is left out if it asks more than %v and also more than %s of the amount. Is that right?", abs, rel))
	if errors.Is(err, errNoTerminal) {
		return limits, usagef("no fee limit is set: give -x and -r, or set max_cj_fee_abs and max_cj_fee_rel in joinmarket.cfg")
	}
	if err != nil {
		return limits, err
	}
	if !yes {
		return limits, usagef("give your own limits with -x and -r, or set them in joinmarket.cfg")
	}
	a.term.say("To keep them, put these lines into joinmarket.cfg under [POLICY]:\nmax_cj_fee_abs = %d\nmax_cj_fee_rel = %s", int64(abs), rel)
	return taker.Limits{Abs: abs, Rel: rel}, nil
}
