package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
)

// payOptions are the flags of sendpayment.
type payOptions struct {
	makers                     int
	mixdepth                   int
	txfee                      int64
	maxAbs                     int64
	maxRel                     string
	chooser                    string
	random, cheapest, weighted bool
	noRBF                      bool
	yes                        bool
}

func newSendPayment(a *app) *cobra.Command {
	var o payOptions
	cmd := &cobra.Command{
		Use:   "sendpayment [WALLET] AMOUNT ADDRESS | [WALLET] URI",
		Short: "Pay with a CoinJoin",
		Long: `Pay with a CoinJoin: the payment becomes one of several equal outputs, the
others being those of makers, and nobody outside can tell which is whose.

AMOUNT is in satoshis (250000), in bitcoin (0.0025, 0.0025btc), or "sweep" (as
in the reference, 0) for everything in the mixdepth. A payment URI in quotes
(bitcoin:...?amount=...) may stand for both. Before anything is sent you see who
takes part and what it costs at most, and are asked.

With -N 0 it is an ordinary payment, without makers and without the privacy of a
CoinJoin; jm wallet send can do more of that kind.

Use a fresh address, and do not pay an address of the mixdepth that you pay from.`,
		Example: `  jm sendpayment 0.05 bc1q...
  jm sendpayment savings sweep bc1q... -m 2 -N 8`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 3 {
				return usagef("want an amount and an address, or a payment URI, and before them a wallet if there are several; %d words are given", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name, amount, to, err := a.paymentWords(args)
			if err != nil {
				return err
			}
			if o.makers == 0 && cmd.Flags().Changed("makercount") {
				return a.directPayment(cmd.Context(), name, amount, to, o)
			}
			p, err := a.payment(o, amount, to.address)
			if err != nil {
				return err
			}
			return a.sendPayment(cmd.Context(), name, p, o)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.makers, "makercount", "N", 0, "how many `makers` to join with, 0 for none (default: 8 to 10 at random)")
	f.IntVarP(&o.mixdepth, "mixdepth", "m", 0, "the `mixdepth` that pays")
	f.Int64VarP(&o.txfee, "txfee", "f", 0, "miner fee: up to 1000 a target in `blocks`, above a rate in sat/kvB (default: tx_fees)")
	f.Int64VarP(&o.maxAbs, "max-cj-fee-abs", "x", -1, "the most one maker may ask, in `sat` (default: max_cj_fee_abs)")
	f.StringVarP(&o.maxRel, "max-cj-fee-rel", "r", "", "the most one maker may ask, as a `fraction` of the amount (default: max_cj_fee_rel)")
	f.StringVar(&o.chooser, "order-choose-algorithm", "", "how makers are chosen: random_under_max_order_choose (default), cheapest_order_choose or weightedorder_choose")
	f.BoolVarP(&o.random, "random-choose", "R", false, "choose makers at random among those within the fee limits")
	f.BoolVarP(&o.cheapest, "cheapest-choose", "C", false, "choose the cheapest makers")
	f.BoolVarP(&o.weighted, "weighted-choose", "W", false, "choose at random, the cheaper the likelier")
	f.BoolVar(&o.noRBF, "no-rbf", false, "with -N 0: do not let the transaction be replaced by one with a higher fee")
	f.BoolVar(&o.yes, "yes", false, "agree beforehand")
	cmd.MarkFlagsMutuallyExclusive("random-choose", "cheapest-choose", "weighted-choose", "order-choose-algorithm")
	return cmd
}

// payment checks what the user wrote; the address is one.
func (a *app) payment(o payOptions, amountText, address string) (taker.Payment, error) {
	p := taker.Payment{Mixdepth: o.mixdepth, Destination: address, Makers: o.makers, MinMakers: a.cfg.Policy.MinimumMakers}
	if amountText != "sweep" && amountText != "0" {
		amount, err := sats.Parse(amountText)
		if err != nil {
			return p, usagef("%w", err)
		}
		if amount < protocol.MinOfferSize {
			return p, usagef("%v is too little for a CoinJoin: the least is %v (to send everything, write sweep)", amount, protocol.MinOfferSize)
		}
		p.Amount = amount
	}
	if p.Makers == 0 {
		p.Makers = 8 + random.N(3)
	}
	if p.Makers < p.MinMakers || p.Makers > protocol.MaxMakers {
		return p, usagef("-N %d: want %d (minimum_makers) to %d makers", p.Makers, p.MinMakers, protocol.MaxMakers)
	}
	return p, nil
}

func (a *app) sendPayment(ctx context.Context, name string, p taker.Payment, o payOptions) error {
	if err := a.canVerify(); err != nil {
		return err
	}
	cfg, err := a.takerConfig(o)
	if err != nil {
		return err
	}
	w, done, err := a.openSynced(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	if err := joinable(w); err != nil {
		return err
	}
	if p.Mixdepth < 0 || p.Mixdepth >= w.Mixdepths() {
		return usagef("-m %d: this wallet has the mixdepths 0 to %d", p.Mixdepth, w.Mixdepths()-1)
	}
	ctx, stop := follow(ctx, w)
	defer stop()
	session, hangUp, err := a.connect(ctx, control.RoleTaker)
	if err != nil {
		return err
	}
	defer hangUp()
	store, err := a.openCommitments()
	if err != nil {
		return err
	}
	cfg.Wallet, cfg.Daemon, cfg.Commitments = w, session, store
	t, err := taker.New(cfg)
	if err != nil {
		return err
	}
	result, err := t.Run(ctx, p, func(q taker.Quote) error { return a.approve(q, o.yes) })
	a.term.waiting("")
	rep := newReport(p, result, err)
	if a.json {
		if err := a.print(rep); err != nil {
			return err
		}
	} else if err == nil {
		fmt.Fprint(a.term.out, rep.draw(a.term), rep.facts(), rep.times())
	} else if rep.Tx != "" {
		fmt.Fprintf(a.term.out, "signed transaction %s:\n%s\n", rep.TxID, rep.Tx)
	}
	return paymentError(err, result.Tx != nil)
}

// follow keeps a wallet up to date until stop is called.
func follow(ctx context.Context, w *wallet.Wallet) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := w.Run(ctx); err != nil {
			cancel(err)
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}

// takerConfig turns flags and configuration into what a taker needs.
func (a *app) takerConfig(o payOptions) (taker.Config, error) {
	policy := a.cfg.Policy
	cfg := taker.Config{
		MaxFeeChange: policy.MaxSweepFeeChange,
		Broadcast:    taker.Broadcast(policy.TxBroadcast),
		Timeouts: taker.Timeouts{Book: a.cfg.Timeout.Maker, Quiet: a.quiet(), Answer: a.cfg.Timeout.Maker, Line: a.lineInterval(),
			Seen: a.cfg.Timeout.Unconfirm},
		Logger:   a.log,
		Progress: func(_ taker.Step, text string) { a.term.waiting(text) },
	}
	var err error
	if cfg.FeeRate, err = a.txFee(o); err != nil {
		return cfg, err
	}
	if cfg.Limits, err = a.feeLimits(o); err != nil {
		return cfg, err
	}
	switch {
	case o.cheapest || o.chooser == "cheapest_order_choose":
		cfg.Chooser = taker.Cheapest
	case o.weighted || o.chooser == "weightedorder_choose":
		cfg.Chooser = taker.Weighted
	case o.chooser != "" && o.chooser != "random_under_max_order_choose":
		return cfg, usagef("--order-choose-algorithm %q: unknown; see jm sendpayment --help", o.chooser)
	}
	return cfg, nil
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

// lineInterval is the time between two lines on the slowest channel.
func (a *app) lineInterval() (longest time.Duration) {
	for _, c := range a.cfg.Channels {
		longest = max(longest, cmp.Or(c.LineInterval, control.DefaultLineInterval))
	}
	return longest
}

// quiet is how long the order book must have been still to count as complete:
// a few lines' time.
func (a *app) quiet() time.Duration { return max(4*a.lineInterval(), 250*time.Millisecond) }

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
	rel, abs := "0.001", 4000+sats.Amount(random.N(int64(6001)))
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

// approve shows the quote and asks.
func (a *app) approve(q taker.Quote, yes bool) error {
	return a.agree(quoteText(q), "Send it?", yes)
}

// quoteText shows inputs, outputs, every fee and the makers.
func quoteText(q taker.Quote) string {
	var b strings.Builder
	what := "pay"
	if q.Sweep {
		what = "send everything:"
	}
	fmt.Fprintf(&b, "\n  %s %s BTC to %s\n", what, q.Amount.BTC(), q.Destination)
	for _, c := range q.Inputs {
		fmt.Fprintf(&b, "    from   %16s BTC   %s (mixdepth %d)\n", c.Value.BTC(), c.OutPoint, c.Mixdepth)
	}
	for _, m := range q.Makers {
		fmt.Fprintf(&b, "    maker  %s  asks %v (%s %s)\n", m.Nick, m.Fee, m.Offer.Type, m.Offer.CJFee)
	}
	fmt.Fprintf(&b, "    fees   %v to %d makers, about %v to miners (%d.%03d sat/vB)\n",
		q.CJFee, len(q.Makers), q.MinerFee, q.FeeRate/1000, q.FeeRate%1000)
	cost := q.MaxCost()
	share := (cost*10000 + q.Amount - 1) / q.Amount // in hundredths of a percent, rounded up
	fmt.Fprintf(&b, "    at most %v in all, %d.%02d %% of the amount\n", cost, share/100, share%100)
	if q.Change > 0 {
		fmt.Fprintf(&b, "    change about %s BTC, back to the same mixdepth\n", q.Change.BTC())
	}
	fmt.Fprintf(&b, "    anonymity set: %d equal outputs (at least %d)\n", q.AnonymitySet(), q.MinMakers+1)
	if cost > q.Amount/50 {
		b.WriteString("    NOTE: that is more than 2 % of the amount.\n")
	}
	return b.String()
}

// paymentError gives a failed attempt its exit status and its advice. signed
// says that all signatures were there: then others may have the transaction,
// unless our node, which is asked first or last, refuses it.
func paymentError(err error, signed bool) error {
	if err == nil {
		return nil
	}
	reason := taker.ReasonOf(err)
	code := exitMarket
	switch reason {
	case protocol.ReasonDeclined:
		return withCode(exitDeclined, errors.Unwrap(err))
	case protocol.ReasonCancelled:
		return context.Canceled
	case protocol.ReasonNoFunds, protocol.ReasonNoCommitment:
		code = exitFunds
	case protocol.ReasonChain:
		code = exitNode
	case protocol.ReasonDaemonGone:
		code = exitDaemon
	case protocol.ReasonBadAddress:
		code = exitUsage
	}
	if signed && reason != protocol.ReasonRejected {
		code = exitUnsure
	}
	if diskAdvice(err) != "" { // says more than that it is internal
		return withCode(code, err)
	}
	return withCode(code, fmt.Errorf("%w\n%s", err, advice[reason]))
}
