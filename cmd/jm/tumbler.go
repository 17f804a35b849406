package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/plan"
	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/client/tumbler"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// tumbleOptions are the flags of tumbler.
type tumbleOptions struct {
	payOptions
	params            tumbler.Params
	makers, payments  []float64
	weights           []float64
	wait, firstFactor float64
	least             int64

	restart, show, abandon, dryRun bool
	file                           string
}

func newTumbler(a *app) *cobra.Command {
	o := tumbleOptions{params: tumbler.Defaults()}
	cmd := &cobra.Command{
		Use:   "tumbler [WALLET] ADDRESS...",
		Short: "Send all coins of a wallet elsewhere, through many CoinJoins",
		Long: `Send all coins of a wallet to your addresses through many CoinJoins, in amounts
and at times that do not tell where they came from.

The plan is drawn first and shown with its payments, its cost and its end, and
nothing of it begins before you agree. It takes hours or days. It may be
interrupted at any time, by Ctrl-C, a crash or a power cut: --restart goes on
where it was. What fails is tried again; when that does not help the plan pauses
and says why. Each address is paid once, by a mixdepth of its own, and nothing
changes the addresses after you agreed.

Give three addresses or more (--addrcount says how many are paid). You are asked
for those that are missing when their time comes; without a terminal the plan
pauses there.

With --maker the coins whose turn has not come are offered meanwhile, as jm
yieldgenerator does it. You are never joined with yourself, and the maker leaves
alone what the plan needs, so that nothing stays behind.`,
		Example: `  jm tumbler bc1q... bc1q... bc1q...
  jm tumbler --show
  jm tumbler --restart`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name, addresses, err := a.tumblerWords(args)
			if err != nil {
				return err
			}
			if kept := o.show || o.abandon || o.restart; kept && len(addresses) > 0 {
				return usagef("the addresses of a plan that is under way cannot be changed")
			}
			switch {
			case o.show, o.abandon:
				return a.keptPlan(name, o)
			case o.restart:
				return a.restartTumble(cmd.Context(), name, o)
			}
			return a.tumble(cmd.Context(), name, addresses, o)
		},
	}
	f := cmd.Flags()
	p := &o.params
	f.IntVarP(&p.AddressCount, "addrcount", "a", p.AddressCount, "how many `addresses` are paid in the end")
	f.Float64SliceVarP(&o.makers, "makercountrange", "N", []float64{p.Makers.Mean, p.Makers.Deviation}, "`mean,deviation` of the makers in a transaction")
	f.IntVar(&p.Makers.Least, "minmakercount", p.Makers.Least, "the fewest `makers` of a transaction")
	f.IntVarP(&p.Mixdepths, "mixdepthcount", "M", p.Mixdepths, "how many `mixdepths` the coins pass after the first sweeps")
	f.Float64SliceVarP(&o.payments, "txcountparams", "c", []float64{p.Payments.Mean, p.Payments.Deviation}, "`mean,deviation` of the transactions in a mixdepth")
	f.IntVar(&p.Payments.Least, "mintxcount", p.Payments.Least, "the fewest `transactions` of a mixdepth")
	f.Float64VarP(&o.wait, "timelambda", "l", p.Wait.Minutes(), "the mean pause after a transaction, in `minutes`")
	f.Float64Var(&o.firstFactor, "stage1-timelambda-increase", float64(p.FirstWait/p.Wait), "how many `times` longer pauses after the first sweeps are")
	f.Int64VarP(&o.least, "mincjamount", "s", int64(schedule.MinFraction), "the least amount of a transaction that is not a sweep, in `sat`")
	f.Float64Var(&p.RoundingChance, "rounding-chance", p.RoundingChance, "the `probability` that an amount is rounded")
	f.Float64SliceVar(&o.weights, "rounding-sigfig-weights", p.FigureWeights[:], "how often to 1, 2, 3, 4 and 5 significant figures, five `numbers`")
	f.BoolVar(&o.restart, "restart", false, "go on with the plan of this wallet, or with --schedulefile")
	f.StringVar(&o.file, "schedulefile", "", "with --restart: a `file` that a tumbler of the reference left behind (default logs/TUMBLE.schedule)")
	f.BoolVar(&o.show, "show", false, "show how far the plan is")
	f.BoolVar(&o.dryRun, "dry-run", false, "draw a plan, show it, and do nothing")
	f.BoolVar(&o.abandon, "abandon", false, "give the plan up")
	marketFlags(cmd, &o.payOptions)
	f.BoolVar(&o.yes, "yes", false, "agree beforehand")
	makerFlag(cmd, &o.payOptions)
	cmd.MarkFlagsMutuallyExclusive("restart", "show", "dry-run", "abandon")
	return cmd
}

// tumblerWords tells a wallet from addresses.
func (a *app) tumblerWords(args []string) (name string, addresses []string, err error) {
	for i, arg := range args {
		_, err := a.receiver(arg)
		if err == nil {
			addresses = append(addresses, arg)
			continue
		}
		if i > 0 {
			return "", nil, err
		}
		name = arg
	}
	return name, addresses, nil
}

// drawn are the parameters that the flags name.
func (o tumbleOptions) drawn(addresses []string) (tumbler.Params, error) {
	p := o.params
	if len(o.makers) != 2 || len(o.payments) != 2 || len(o.weights) != len(p.FigureWeights) {
		return p, usagef("--makercountrange and --txcountparams want two numbers (9,1), --rounding-sigfig-weights five")
	}
	const most = float64(schedule.MaxWait / time.Minute)
	if first := o.wait * o.firstFactor; !(o.wait >= 0 && o.wait <= most) || !(first >= 0 && first <= most) {
		return p, usagef("--timelambda and its increase: want pauses of 0 to %.0f minutes", most)
	}
	p.Addresses = addresses
	p.Makers.Mean, p.Makers.Deviation = o.makers[0], o.makers[1]
	p.Payments.Mean, p.Payments.Deviation = o.payments[0], o.payments[1]
	copy(p.FigureWeights[:], o.weights)
	p.Least = sats.Amount(o.least)
	p.Wait = time.Duration(o.wait * float64(time.Minute))
	p.FirstWait = time.Duration(o.wait * o.firstFactor * float64(time.Minute))
	return p, nil
}

func (a *app) tumble(ctx context.Context, name string, addresses []string, o tumbleOptions) error {
	params, err := o.drawn(addresses)
	if err != nil {
		return err
	}
	if params.Makers.Least < a.cfg.Policy.MinimumMakers {
		return usagef("--minmakercount %d: the least is %d (minimum_makers)", params.Makers.Least, a.cfg.Policy.MinimumMakers)
	}
	j, done, err := a.openPlanned(ctx, name, o.payOptions)
	if err != nil {
		return err
	}
	defer done()
	all, err := j.wallet.Balances()
	if err != nil {
		return err
	}
	balances := make([]sats.Amount, len(all))
	for m, b := range all {
		balances[m] = b.Available + b.Unconfirmed
	}
	entries, err := tumbler.Plan(params, balances)
	switch {
	case errors.Is(err, tumbler.ErrFunds), errors.Is(err, tumbler.ErrSmall):
		return withCode(exitFunds, err)
	case err != nil:
		return withCode(exitUsage, err)
	}
	if left := tumbler.Left(entries, balances); left != nil {
		a.term.say("Coins of mixdepth %s stay where they are: with --mixdepthcount %d they would be moved, too.",
			strings.Trim(fmt.Sprint(left), "[]"), len(balances))
	}
	p, err := a.makePlan(j, entries, true, sats.Amount(o.least))
	if err != nil {
		return err
	}
	if o.dryRun {
		text, err := a.planText(ctx, j, p)
		if err == nil {
			fmt.Fprint(a.term.out, text)
		}
		return err
	}
	return a.begin(ctx, j, p, o.yes)
}

// keptPlan shows or ends a plan without carrying it out.
func (a *app) keptPlan(name string, o tumbleOptions) error {
	path, err := a.walletPath(name)
	if err != nil {
		return err
	}
	k, err := a.planOf(path)
	if err != nil {
		return err
	}
	if !o.abandon {
		return a.showPlan(k)
	}
	p, err := k.Load()
	if err != nil {
		return planError(err)
	}
	var text strings.Builder
	if err := p.Write(&text); err != nil {
		return err
	}
	if err := a.agree(text.String(), "Give this plan up? A transaction that is signed may still be mined.", o.yes); err != nil {
		return err
	}
	return k.Retire(p)
}

// restartTumble goes on with the plan of a wallet, or makes one of what a tumbler
// of the reference left behind.
func (a *app) restartTumble(ctx context.Context, name string, o tumbleOptions) error {
	j, done, err := a.openPlanned(ctx, name, o.payOptions)
	if err != nil {
		return err
	}
	defer done()
	p, err := j.keeper.Load()
	old := o.file
	if old == "" {
		old = filepath.Join(a.cfg.Dir, "logs", "TUMBLE.schedule")
	}
	_, statErr := os.Stat(old)
	switch {
	case errors.Is(err, plan.ErrNone) && statErr == nil, err == nil && o.file != "":
		return a.adopt(ctx, j, old, o)
	case err != nil:
		return planError(err)
	}
	if _, more := p.Next(); !more {
		a.term.say("The plan is done.")
	}
	return a.carryOut(ctx, j)
}

// adopt makes a plan of what is left of a schedule of the reference's tumbler.
func (a *app) adopt(ctx context.Context, j planned, file string, o tumbleOptions) error {
	entries, err := a.readSchedule(file)
	if err != nil {
		return err
	}
	var left []schedule.Entry
	for i, e := range entries {
		if e.TxID != "" {
			id, err := chainhash.NewHashFromStr(e.TxID)
			if err != nil {
				return err
			}
			record, err := j.wallet.Record(*id)
			if err != nil || record.Confirmations == 0 {
				return withCode(exitUnsure, fmt.Errorf("%s: the transaction of payment %d is not confirmed yet: %s\nTry again when it is; if it never will be, change the end of its line to 0", file, i+1, e.TxID))
			}
			e.Done = true
		}
		if !e.Done {
			left = append(left, e)
		}
	}
	if len(left) == 0 {
		a.term.say("%s: all payments are done.", file)
		return nil
	}
	p, err := a.makePlan(j, left, true, sats.Amount(o.least))
	if err != nil {
		return err
	}
	return a.begin(ctx, j, p, o.yes)
}

// readSchedule reads a schedule file.
func (a *app) readSchedule(path string) ([]schedule.Entry, error) {
	params, err := a.params()
	if err != nil {
		return nil, err
	}
	text, err := durable.ReadFile(path, schedule.MaxBytes)
	if err != nil {
		return nil, withCode(exitUsage, fmt.Errorf("%s: %w", path, err))
	}
	entries, err := schedule.Parse(text, params)
	if err != nil {
		return nil, withCode(exitUsage, fmt.Errorf("%s: %w", path, err))
	}
	return entries, nil
}
