package plan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/client/tumbler"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// Wallet is what a plan asks of a wallet; *wallet.Wallet is one.
type Wallet interface {
	taker.Wallet
	ID() (string, error)
	Mixdepths() int
	Balances() ([]wallet.Balance, error)
	InUse() map[wire.OutPoint]string
	Signed() []wallet.Signed
	Record(chainhash.Hash) (wallet.Record, error)
	Forget(chainhash.Hash) error
}

// Attempt makes one CoinJoin with the wallet it is given, under a nick of its
// own, so that nobody can tie the payments of a plan to each other (attack P8).
// The errors are those of taker.Taker.Run.
type Attempt func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error)

// Config is what carrying out a plan needs. Fields without a stated default are
// required.
type Config struct {
	Keeper  *Keeper
	Wallet  Wallet
	Attempt Attempt
	// Ask asks the user for the address of payment i, counted from 0; its error
	// pauses the plan. nil: the plan pauses.
	Ask func(ctx context.Context, i int) (string, error)
	// Tries is how often a payment may fail before the plan pauses; 0: 12, which
	// takes some hours.
	Tries int
	// Closed, if not nil, is told which mixdepths a maker beside the plan has to
	// leave alone (Plan.Closed), before each payment and at the end.
	Closed func([]bool)
	// Progress, if not nil, is told what the plan does or waits for, a sentence.
	Progress func(text string)
	// Logger; nil: silent.
	Logger *slog.Logger
}

const (
	defaultTries = 12
	// A payment that failed is tried again after a time between half and one and
	// a half times that, which doubles with every failure.
	firstPause = 30 * time.Second
	mostPause  = time.Hour
)

// Paused says why a plan is not done. It can be resumed.
type Paused struct {
	Payment int // counted from 0
	Reason  protocol.Reason
	Err     error
}

func (p *Paused) Error() string {
	return fmt.Sprintf("the plan pauses at payment %d: %v", p.Payment+1, p.Err)
}

// Unwrap returns the cause.
func (p *Paused) Unwrap() error { return p.Err }

// ErrWallet means that a plan was made for another wallet.
var ErrWallet = errors.New("the plan is of another wallet")

// runner carries out a plan.
type runner struct {
	Config
	plan *Plan
}

// Run carries out the plan of the Keeper from where it is, until all payments are
// confirmed. The wallet has to be kept up to date meanwhile. The error is a
// *Paused, the context's, ErrWallet, or one of keeping the plan; it can be called
// again in any case.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Tries == 0 {
		cfg.Tries = defaultTries
	}
	if cfg.Closed == nil {
		cfg.Closed = func([]bool) {}
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	plan, err := cfg.Keeper.Load()
	if err != nil {
		return err
	}
	r := runner{Config: cfg, plan: plan}
	id, err := r.Wallet.ID()
	if err != nil {
		return err
	}
	if id != plan.Wallet {
		return fmt.Errorf("%w: it was made for %s, this one is %s", ErrWallet, plan.Wallet, id)
	}
	defer func() { cfg.Closed(plan.Closed(r.Wallet.Mixdepths())) }()
	for i, more := plan.Next(); more; i, more = plan.Next() {
		cfg.Closed(plan.Closed(r.Wallet.Mixdepths()))
		plan.Steps[i].Tries, plan.Steps[i].Why = 0, ""
		for !plan.Steps[i].Done {
			if err := r.step(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// step does the next thing for a payment: its pause, a try, or waiting for the
// chain.
func (r *runner) step(ctx context.Context, i int) error {
	s := &r.plan.Steps[i]
	if s.TxID != "" {
		return r.settle(ctx, i)
	}
	if i > 0 {
		if err := r.until(ctx, r.plan.Steps[i-1].Ready, fmt.Sprintf("before payment %d of %d", i+1, len(r.plan.Steps))); err != nil {
			return err
		}
	}
	if s.Amount.Sweep() {
		if err := r.untilAlone(ctx, i); err != nil {
			return err
		}
	}
	payment, err := r.resolve(ctx, i)
	if err != nil {
		return err
	}
	guard, err := r.newGuard(s, payment.Amount)
	if err != nil {
		return &Paused{i, protocol.ReasonChain, err}
	}
	// After the guard has looked at the coins: one whose coins were spent by then
	// shows now, and is waited for.
	if over, err := r.look(ctx, i); err != nil || s.Done {
		return err
	} else if !over {
		s.TxID = s.Sent[len(s.Sent)-1].TxID
		return nil
	}
	r.Progress(fmt.Sprintf("payment %d of %d", i+1, len(r.plan.Steps)))
	_, err = r.Attempt(ctx, guard, payment)
	switch {
	case s.TxID != "":
		return nil // whatever the attempt says, the chain decides
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return errors.New("an attempt succeeded without a transaction")
	}
	return r.failed(ctx, i, err)
}

// resolve says what a payment comes to now. What is decided once is on the disk
// when it returns.
func (r *runner) resolve(ctx context.Context, i int) (p taker.Payment, err error) {
	s := &r.plan.Steps[i]
	if s.Mixdepth >= r.Wallet.Mixdepths() {
		return p, &Paused{i, protocol.ReasonNoFunds, wallet.ErrMixdepth}
	}
	if err := r.base(i); err != nil {
		return p, err
	}
	if s.Address == "" {
		if err := r.address(ctx, i); err != nil {
			return p, err
		}
	}
	p = taker.Payment{Mixdepth: s.Mixdepth, Destination: s.Address, Makers: s.Makers, MinMakers: r.plan.MinMakers}
	if !s.Amount.Sweep() {
		if p.Amount, err = s.Amount.Of(s.Base, s.Rounding, r.plan.Least); err != nil {
			return p, err
		}
	}
	return p, r.Keeper.Save(r.plan)
}

// base finds what fractions refer to: the balance before the first payment of
// the mixdepth.
func (r *runner) base(i int) error {
	s := &r.plan.Steps[i]
	if s.Amount.Fraction == "" || s.Base > 0 {
		return nil
	}
	if i > 0 {
		if before := r.plan.Steps[i-1]; before.Mixdepth == s.Mixdepth && before.Base > 0 {
			s.Base = before.Base
			return nil
		}
	}
	balances, err := r.Wallet.Balances()
	if err != nil {
		return &Paused{i, protocol.ReasonChain, err}
	}
	s.Base = balances[s.Mixdepth].Available + balances[s.Mixdepth].Unconfirmed
	return nil
}

func (r *runner) address(ctx context.Context, i int) error {
	s := &r.plan.Steps[i]
	switch s.Destination {
	case schedule.Internal:
		fresh, err := r.Wallet.NextAddress((s.Mixdepth+1)%r.Wallet.Mixdepths(), keys.Internal)
		if err != nil {
			return err
		}
		s.Address = fresh.Text
		return nil
	case schedule.Ask:
		if r.Ask == nil {
			return &Paused{i, protocol.ReasonBadAddress, errors.New("its address is not known yet")}
		}
		text, err := r.Ask(ctx, i)
		if err != nil {
			return &Paused{i, protocol.ReasonBadAddress, err}
		}
		if err := r.plan.SetAddress(i, text, r.Wallet.Params()); err != nil {
			return &Paused{i, protocol.ReasonBadAddress, err}
		}
	}
	s.Address = s.Destination
	return nil
}

// failed decides what follows from a failed try: waiting, or the end of its
// tries.
func (r *runner) failed(ctx context.Context, i int, cause error) error {
	s := &r.plan.Steps[i]
	var none *commitments.NoneError
	if errors.As(cause, &none) {
		if none.TooNew > 0 {
			return r.untilBlock(ctx, i, fmt.Sprintf("for %d confirmations of a coin that makers accept", none.Age))
		}
		return &Paused{i, protocol.ReasonNoCommitment, cause}
	}
	leased := errors.Is(cause, coins.ErrFunds) && errors.Is(cause, coins.ErrLeased)
	if leased {
		if others, err := r.beside(s.Mixdepth, nil); err == nil && others {
			return r.untilAlone(ctx, i)
		}
	}
	s.Tries++
	s.Why = taker.ReasonOf(cause)
	r.Logger.Info("a payment of the plan failed", "payment", i+1, "tries", s.Tries, "reason", s.Why)
	var at *taker.Error
	if late := !errors.As(cause, &at) || at.Step == taker.StepSign || at.Step == taker.StepBroadcast; late && s.Destination == schedule.Internal {
		s.Address = "" // makers may have seen it
	}
	var tweaked error
	if r.plan.Tumble {
		tweaked = r.tweak(i)
	}
	if err := errors.Join(tweaked, r.Keeper.Save(r.plan)); err != nil {
		return err
	}
	if s.Tries >= r.Tries || errors.Is(cause, coins.ErrFunds) && !leased && !r.plan.Tumble {
		return &Paused{i, s.Why, cause}
	}
	pause := firstPause
	for n := 1; n < s.Tries && pause < mostPause; n++ {
		pause *= 2
	}
	pause = min(pause, mostPause)
	pause = pause/2 + random.N(pause)
	return r.until(ctx, time.Now().Add(pause), fmt.Sprintf("before payment %d is tried again, which failed: %v", i+1, cause))
}

// tweak asks for something else at the next try.
func (r *runner) tweak(i int) error {
	entries := r.plan.Schedule()
	if err := tumbler.Tweak(entries, i, r.plan.MinMakers); err != nil {
		return err
	}
	for j := range entries {
		r.plan.Steps[j].Entry = entries[j]
	}
	return nil
}

// lookAgain is how often the clock is read during a pause, as timers stand still
// while a machine sleeps.
const lookAgain = time.Minute

// until waits for a time.
func (r *runner) until(ctx context.Context, when time.Time, why string) error {
	for left := time.Until(when); left > 0; left = time.Until(when) {
		r.Progress(fmt.Sprintf("waiting until %s %s", when.Local().Format("2006-01-02 15:04"), why))
		timer := time.NewTimer(min(left, lookAgain))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
	return nil
}

// untilBlock waits for another block.
func (r *runner) untilBlock(ctx context.Context, i int, why string) error {
	changes, cancel := r.Wallet.Subscribe()
	defer cancel()
	before, err := r.Wallet.Chain().Tip(ctx)
	if err != nil {
		return &Paused{i, protocol.ReasonChain, err}
	}
	r.Progress("waiting " + why)
	for {
		select {
		case <-changes:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if now, err := r.Wallet.Chain().Tip(ctx); err == nil && now.BlockID != before.BlockID {
			return nil
		}
	}
}
