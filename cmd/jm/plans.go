package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/client/plan"
	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// planOf is where the plan of a wallet is kept.
func (a *app) planOf(walletPath string) (*plan.Keeper, error) {
	params, err := a.params()
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(walletPath), filepath.Ext(walletPath))
	return plan.NewKeeper(filepath.Join(a.cfg.Dir, "plans", name+".json"), a.files, params)
}

// planned is a plan that is about to be carried out, and what it needs.
type planned struct {
	keeper  *plan.Keeper
	wallet  *wallet.Wallet
	path    string // of the wallet
	taker   taker.Config
	options payOptions
}

// openPlanned opens the wallet that pays. done closes it.
func (a *app) openPlanned(ctx context.Context, name string, o payOptions) (j planned, done func(), err error) {
	if err := a.canVerify(); err != nil {
		return j, nil, err
	}
	if err := o.checkMaker(); err != nil {
		return j, nil, err
	}
	j.options = o
	if j.taker, err = a.takerConfig(o); err != nil {
		return j, nil, err
	}
	if j.path, err = a.walletPath(name); err != nil {
		return j, nil, err
	}
	if j.keeper, err = a.planOf(j.path); err != nil {
		return j, nil, err
	}
	if j.wallet, done, err = a.openSynced(ctx, name); err != nil {
		return j, nil, err
	}
	if err := joinable(j.wallet); err != nil {
		done()
		return j, nil, err
	}
	return j, done, nil
}

// makePlan makes a plan of a schedule for the wallet, after a look at where it
// pays.
func (a *app) makePlan(j planned, entries []schedule.Entry, tumble bool, least sats.Amount) (*plan.Plan, error) {
	for _, e := range entries {
		if e.Mixdepth >= j.wallet.Mixdepths() {
			return nil, usagef("mixdepth %d: this wallet has the mixdepths 0 to %d", e.Mixdepth, j.wallet.Mixdepths()-1)
		}
		if _, err := j.wallet.Find(e.Destination); err == nil {
			return nil, usagef("%s is an address of this wallet; write %s for a fresh one of the next mixdepth", e.Destination, schedule.Internal)
		}
	}
	id, err := j.wallet.ID()
	if err != nil {
		return nil, err
	}
	p, err := plan.Make(entries, plan.Plan{Wallet: id, Network: a.networkName(), Made: time.Now().UTC().Truncate(time.Second),
		Tumble: tumble, MinMakers: a.cfg.Policy.MinimumMakers, Least: least})
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return p, nil
}

// blockTime is how long a block takes on average, and agingBlocks how many the
// coins of a payment have to age before makers accept them in the next.
const blockTime = 10 * time.Minute

// planText shows a plan: payments, costs as far as they are known beforehand, and
// when it will be done.
func (a *app) planText(ctx context.Context, j planned, p *plan.Plan) (string, error) {
	var text strings.Builder
	if err := p.Write(&text); err != nil {
		return "", err
	}
	makers, took := 0, time.Duration(0)
	aging := time.Duration(a.cfg.Policy.TakerUTXOAge) * blockTime
	for _, s := range p.Steps {
		makers += s.Makers
		took += blockTime + max(s.Wait, aging)
	}
	rate, err := j.taker.FeeRate.Draw(ctx, j.wallet.Chain())
	if err != nil {
		return "", err
	}
	// Each participant counts as a transaction of two inputs and two outputs.
	pair := []txbuild.ScriptType{txbuild.P2WPKH, txbuild.P2WPKH}
	fee, err := txbuild.Fee(pair, pair, rate)
	if err != nil {
		return "", err
	}
	fees := sats.Amount(len(p.Steps)+makers) * fee
	fmt.Fprintf(&text, "\n  miners    about %s in %d transactions, at today's rate\n", fees, len(p.Steps))
	fmt.Fprintf(&text, "  makers    %d in all; none is paid more than %s, or %s of the amount if that is more\n", makers, j.taker.Limits.Abs, j.taker.Limits.Rel)
	fmt.Fprintf(&text, "  time      about %s, until %s\n", hours(took), time.Now().Add(took).Format("Monday 2 January 2006, 15:04"))
	fmt.Fprintf(&text, "  checksum  %s of the destinations, which nothing changes from now on\n", p.Seal())
	var total sats.Amount
	balances, err := j.wallet.Balances()
	if err != nil {
		return "", err
	}
	for _, b := range balances {
		total += b.Available + b.Unconfirmed
	}
	if fees > total/20 {
		fmt.Fprintf(&text, "\n  The miners' fees alone are more than 5 %% of the %s in the wallet.\n", total)
	}
	return text.String(), nil
}

// hours writes a long time roughly.
func hours(d time.Duration) string {
	d = d.Round(time.Hour)
	if days := d / (24 * time.Hour); days > 0 {
		return fmt.Sprintf("%d days %d hours", days, (d%(24*time.Hour))/time.Hour)
	}
	return fmt.Sprintf("%d hours", max(d/time.Hour, 1))
}

// begin asks about a new plan and carries it out.
func (a *app) begin(ctx context.Context, j planned, p *plan.Plan, yes bool) error {
	text, err := a.planText(ctx, j, p)
	if err != nil {
		return err
	}
	if err := a.agree(text, "Begin?", yes); err != nil {
		return err
	}
	if err := j.keeper.Begin(p); err != nil {
		return planError(err)
	}
	return a.carryOut(ctx, j)
}

// paySchedule makes the payments of a schedule file.
func (a *app) paySchedule(ctx context.Context, name string, o payOptions) error {
	entries, err := a.readSchedule(o.schedule)
	if err != nil {
		return err
	}
	j, done, err := a.openPlanned(ctx, name, o)
	if err != nil {
		return err
	}
	defer done()
	p, err := a.makePlan(j, entries, false, schedule.MinFraction)
	if err != nil {
		return err
	}
	return a.begin(ctx, j, p, o.yes)
}

// carryOut goes on with the plan of a wallet.
func (a *app) carryOut(ctx context.Context, j planned) error {
	ctx, stop := follow(ctx, j.wallet)
	defer stop()
	p, err := j.keeper.Load()
	if err != nil {
		return planError(err)
	}
	dial, hangUp, err := a.dialer()
	if err != nil {
		return err
	}
	defer hangUp()
	var closed closing
	closed.set(p.Closed(j.wallet.Mixdepths()))
	maker := ownMaker{wallet: j.wallet, path: j.path, dial: dial, closed: closed.has}
	return a.beside(ctx, j.options, maker, func(ctx context.Context) error { return a.payPlan(ctx, j, dial, &closed) })
}

// payPlan makes the payments that are left, and tells what came of them.
func (a *app) payPlan(ctx context.Context, j planned, dial dialFunc, closed *closing) error {
	err := plan.Run(ctx, plan.Config{
		Keeper: j.keeper,
		Wallet: j.wallet,
		Closed: closed.set,
		Attempt: func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
			cfg := j.taker
			cfg.Wallet = w
			return a.coinJoin(ctx, dial, cfg, p, func(taker.Quote) error { return nil })
		},
		Ask: func(_ context.Context, i int) (string, error) {
			return a.term.ask(fmt.Sprintf("Address for payment %d: ", i+1))
		},
		Progress: a.term.waiting,
		Logger:   a.log,
	})
	a.term.waiting("")
	if ctx.Err() != nil {
		a.term.say("The plan is kept; go on with it by: jm tumbler --restart")
	}
	if shown := a.showPlan(j.keeper); err == nil {
		err = shown
	}
	return planError(err)
}

// showPlan prints how far a plan is.
func (a *app) showPlan(k *plan.Keeper) error {
	p, err := k.Load()
	if err != nil {
		return planError(err)
	}
	if a.json {
		return a.print(newPlanReport(p))
	}
	return p.Write(a.term.out)
}

// planReport is a plan for programs. Amounts are in satoshis.
type planReport struct {
	Wallet   string        `json:"wallet"`
	Checksum string        `json:"checksum"`
	Done     bool          `json:"done"`
	Payments []paymentLine `json:"payments"`
}

type paymentLine struct {
	Mixdepth    int         `json:"mixdepth"`
	Amount      sats.Amount `json:"amount,omitempty"`   // 0: see fraction
	Fraction    string      `json:"fraction,omitempty"` // of the balance; with no amount either: everything
	Makers      int         `json:"makers"`
	Destination string      `json:"destination"`
	WaitSeconds int64       `json:"wait_seconds"`
	Done        bool        `json:"done"`
	TxID        string      `json:"txid,omitempty"`
	Tries       int         `json:"tries,omitempty"`
	Reason      string      `json:"reason,omitempty"`
}

func newPlanReport(p *plan.Plan) planReport {
	_, unfinished := p.Next()
	r := planReport{Wallet: p.Wallet, Checksum: p.Seal(), Done: !unfinished}
	for _, s := range p.Steps {
		r.Payments = append(r.Payments, paymentLine{s.Mixdepth, s.Amount.Sats, s.Amount.Fraction, s.Makers, s.Destination,
			int64(s.Wait / time.Second), s.Done, s.TxID, s.Tries, string(s.Why)})
	}
	return r
}

// planError says what to do about a plan that is not done.
func planError(err error) error {
	var paused *plan.Paused
	switch {
	case errors.As(err, &paused):
		code := exitMarket
		if coded := exitCode(paymentError(paused.Err, false)); coded != exitFailure {
			code = coded
		}
		return withCode(code, fmt.Errorf("%w\n%sThe plan is kept; go on with it by: jm tumbler --restart", paused, advised(advice[paused.Reason])))
	case errors.Is(err, plan.ErrUnfinished):
		return withCode(exitUsage, fmt.Errorf("%w for this wallet; go on with it by: jm tumbler --restart, or give it up by: jm tumbler --abandon", err))
	case errors.Is(err, plan.ErrNone):
		return withCode(exitUsage, fmt.Errorf("%w for this wallet", err))
	case errors.Is(err, plan.ErrWallet):
		return withCode(exitWallet, err)
	}
	return err
}

func advised(text string) string {
	if text == "" {
		return ""
	}
	return text + "\n"
}
