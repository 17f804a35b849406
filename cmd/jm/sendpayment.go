package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
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
	bonded, pick               bool
	noRBF                      bool
	schedule                   string
	yes, link                  bool
	maker                      string // empty, makerBeside or makerStays
}

func newSendPayment(a *app) *cobra.Command {
	var o payOptions
	cmd := &cobra.Command{
		Use:   "sendpayment [WALLET] AMOUNT ADDRESS | [WALLET] URI | -S FILE [WALLET]",
		Short: "Pay with a CoinJoin",
		Long: `Pay with a CoinJoin: the payment becomes one of several equal outputs, the
others being those of makers, and nobody outside can tell which is whose.

AMOUNT is in satoshis (250000), in bitcoin (0.0025, 0.0025btc), or "sweep" (as
in the reference, 0) for everything in the mixdepth. A payment URI in quotes
(bitcoin:...?amount=...) may stand for both. Before anything is sent you see who
takes part and what it costs at most, and are asked.

With -N 0 it is an ordinary payment, without makers and without the privacy of a
CoinJoin; jm wallet send can do more of that kind.

With -S the payments are those of a schedule file of the reference, a line each:
mixdepth,amount,makers,destination,wait,rounding,completed. They are made one
after the other and may be interrupted; jm tumbler --restart goes on.

With --maker the coins that the payment does not need are offered meanwhile, as
jm yieldgenerator does it, which cannot have the wallet open at the same time.
You are never joined with yourself.

Use a fresh address, and do not pay an address of the mixdepth that you pay from.`,
		Example: `  jm sendpayment 0.05 bc1q...
  jm sendpayment savings sweep bc1q... -m 2 -N 8`,
		Args: func(_ *cobra.Command, args []string) error {
			if o.schedule != "" {
				return cobra.MaximumNArgs(1)(nil, args)
			}
			if len(args) < 1 || len(args) > 3 {
				return usagef("want an amount and an address, or a payment URI, and before them a wallet if there are several; %d words are given", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if err := o.checkMaker(); err != nil {
				return err
			}
			if o.schedule != "" {
				return a.paySchedule(cmd.Context(), strings.Join(args, ""), o)
			}
			name, amount, to, err := a.paymentWords(args)
			if err != nil {
				return err
			}
			if o.makers == 0 && cmd.Flags().Changed("makercount") {
				if o.maker != "" {
					return usagef("--maker is for CoinJoins; -N 0 makes none")
				}
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
	marketFlags(cmd, &o)
	f.BoolVarP(&o.pick, "pick-orders", "P", false, "pick the makers yourself, in a table; fee limits do not count then")
	cmd.MarkFlagsMutuallyExclusive(append(slices.Clone(choosing), "pick-orders")...)
	f.BoolVar(&o.noRBF, "no-rbf", false, "with -N 0: do not let the transaction be replaced by one with a higher fee")
	f.BoolVar(&o.yes, "yes", false, "agree beforehand")
	f.BoolVar(&o.link, "link", false, "send also to an address of this wallet that ties coins together: of the mixdepth that pays, paid before, or a fidelity bond")
	f.StringVarP(&o.schedule, "schedule-file", "S", "", "make the payments of a schedule `file`, one after the other")
	makerFlag(cmd, &o)
	return cmd
}

// marketFlags are the flags that say whom to pay how much for a CoinJoin.
func marketFlags(cmd *cobra.Command, o *payOptions) {
	f := cmd.Flags()
	f.Int64VarP(&o.txfee, "txfee", "f", 0, "miner fee: up to 1000 a target in `blocks`, above a rate in sat/kvB (default: tx_fees)")
	f.Int64VarP(&o.maxAbs, "max-cj-fee-abs", "x", -1, "the most one maker may ask, in `sat` (default: max_cj_fee_abs)")
	f.StringVarP(&o.maxRel, "max-cj-fee-rel", "r", "", "the most one maker may ask, as a `fraction` of the amount (default: max_cj_fee_rel)")
	f.StringVar(&o.chooser, "order-choose-algorithm", "", "the `law` by which makers are drawn: fidelity_bond_weighted_order_choose (default), random_under_max_order_choose, weighted_order_choose or cheapest_order_choose")
	f.BoolVarP(&o.bonded, "fidelity-bond-weighted-choose", "F", false, "draw makers by the value of their fidelity bonds (default)")
	f.BoolVarP(&o.random, "random-choose", "R", false, "draw makers at random among those within the fee limits")
	f.BoolVarP(&o.cheapest, "cheapest-choose", "C", false, "choose the cheapest makers")
	f.BoolVarP(&o.weighted, "weighted-choose", "W", false, "draw at random, the cheaper the likelier")
	cmd.MarkFlagsMutuallyExclusive(choosing...)
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
	if err := a.agreeToLink(w, p, o); err != nil {
		return err
	}
	path, err := a.walletPath(name)
	if err != nil {
		return err
	}
	ctx, stop := follow(ctx, w)
	defer stop()
	dial, hangUp, err := a.dialer()
	if err != nil {
		return err
	}
	defer hangUp()
	cfg.Wallet = w
	var closed closing // the mixdepth that pays, while it does
	closed.set(append(make([]bool, p.Mixdepth), true))
	return a.beside(ctx, o, ownMaker{wallet: w, path: path, dial: dial, closed: closed.has}, func(ctx context.Context) error {
		defer closed.set(nil)
		return a.payJoined(ctx, dial, cfg, p, o)
	})
}

// payJoined makes one payment and tells what came of it.
func (a *app) payJoined(ctx context.Context, dial dialFunc, cfg taker.Config, p taker.Payment, o payOptions) error {
	result, err := a.coinJoin(ctx, dial, cfg, p, func(q taker.Quote) error { return a.approve(q, o.yes) })
	var failed *taker.Error
	if err != nil && !errors.As(err, &failed) {
		return err // there was no attempt
	}
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
	if err != nil {
		a.term.say("Attempt %s; jm explain %s tells how it went.", result.ID, result.ID)
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

// approve shows the quote and asks.
func (a *app) approve(q taker.Quote, yes bool) error {
	return a.agree(quoteText(q), "Send it?", yes)
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
	case protocol.ReasonMakerOnly:
		code = exitWallet
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
