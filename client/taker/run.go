package taker

import (
	"context"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// attempt is the state of one attempt.
type attempt struct {
	*Taker
	payment Payment
	result  Result
	start   time.Time
	retryOf string // id of the attempt before
	step    Step
	began   time.Time // of step
	number  uint64    // of the daemon's attempt; 0 before the fill
	pace    pace      // of the makers' answers
	lease   *coins.Lease
	proof   *podle.Proof // what is committed to; nil before
	opened  bool         // the commitment was opened to somebody
	honest  []protocol.Nick
	// given are the scripts of addresses that makers have named in this attempt,
	// past those of earlier ones.
	given []string
	past  map[string]bool
	// signed is set when own signatures may have left: from then on the coins
	// stay set aside until the lease ends by itself.
	signed bool
}

// Run pays. approve is given the quote before anything is sent to a maker; an
// error of it ends the attempt as declined. When makers spoil an attempt, Run
// makes up to Config.Retries more without asking, with the same coins and at
// most at the price of that quote. Run returns when the network shows the
// transaction, or with an *Error that says why the last attempt failed; the
// Result then has what is known of it. The coins are free again after a
// failure, unless our signatures may have left.
func (t *Taker) Run(ctx context.Context, p Payment, approve func(Quote) error) (Result, error) {
	if !t.busy.CompareAndSwap(false, true) {
		return Result{}, ErrBusy
	}
	defer t.busy.Store(false)
	a := &attempt{Taker: t, payment: p, past: map[string]bool{}}
	a.result.ID, a.start = newID(), time.Now()
	defer func() {
		if a.lease != nil && !a.signed {
			a.lease.Release()
		}
	}()
	plan, err := a.prepare(ctx, approve)
	for retries := t.cfg.Retries; ; retries-- {
		if err == nil {
			err = a.join(ctx, plan)
		}
		failure := a.end(plan, err)
		if failure == nil {
			return a.result, nil
		}
		if plan == nil || retries <= 0 || !a.spoiled(ctx, failure) {
			return a.result, failure
		}
		again, another := a.again(plan, failure)
		if again == nil || again.note(again.record(another, time.Time{}, nil)) != nil {
			return a.result, failure
		}
		a, plan, err = again, another, nil
		a.progress("%s; another attempt with %s, within the price you approved", failure.Reason, count(len(plan.Makers), "maker"))
	}
}

// end completes the result and writes down what came of the attempt.
func (a *attempt) end(pl *plan, err error) *Error {
	a.enter("")
	var failure *Error
	if err != nil {
		failure = &Error{Step: a.step, Reason: ReasonOf(err), Err: err}
		a.cfg.Logger.Info("attempt failed", "id", a.result.ID, "step", a.step, "reason", failure.Reason)
	}
	a.note(a.record(pl, time.Now(), failure))
	return failure
}

// prepare makes the plan and has it approved.
func (a *attempt) prepare(ctx context.Context, approve func(Quote) error) (*plan, error) {
	a.enter(StepChoose)
	if err := a.note(a.record(nil, time.Time{}, nil)); err != nil {
		return nil, err
	}
	pl, err := a.choose(ctx)
	if err != nil {
		return nil, err
	}
	a.enter(StepApprove)
	stop := a.drain()
	err = approve(pl.Quote)
	stop()
	if err != nil {
		return nil, because(protocol.ReasonDeclined, err)
	}
	return pl, nil
}

// join carries the plan out.
func (a *attempt) join(ctx context.Context, pl *plan) error {
	a.enter(StepFill)
	sessions, err := a.fill(ctx, pl)
	if err != nil {
		return err
	}
	a.enter(StepCollect)
	parties, err := a.collect(ctx, pl, sessions)
	if err != nil {
		return err
	}
	j, err := a.build(ctx, pl, parties)
	if err != nil {
		return err
	}
	a.enter(StepSign)
	if err := a.sign(ctx, j); err != nil {
		return err
	}
	a.enter(StepBroadcast)
	return a.broadcast(ctx, j)
}

// enter ends the present step and begins the next; "" begins none.
func (a *attempt) enter(next Step) {
	now := time.Now()
	if a.step != "" && !a.began.IsZero() {
		a.result.Steps = append(a.result.Steps, StepTime{a.step, a.began, now.Sub(a.began)})
	}
	a.began = time.Time{}
	if next != "" {
		a.step, a.began = next, now
	}
}

// progress tells the user something about the present step.
func (a *attempt) progress(format string, args ...any) {
	a.cfg.Progress(a.step, fmt.Sprintf(format, args...))
}

// drop records that a maker is left out, and why.
func (a *attempt) drop(nick protocol.Nick, reason protocol.Reason, why string) {
	a.result.Dropped = append(a.result.Dropped, Dropped{time.Now(), nick, a.step, reason, why})
	a.cfg.Logger.Info("maker left out", "nick", nick, "step", a.step, "reason", reason)
	a.progress("%s is left out: %s", nick, reason)
}
