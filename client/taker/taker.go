// Package taker makes CoinJoins: it chooses offers, fills them, collects the
// makers' coins, has the transaction signed and broadcasts it.
//
// The daemon only carries messages, and the makers are strangers. What they
// say counts after this package has checked it: coins against our own node,
// signatures against our own copy of the transaction, fees and amounts against
// the quote that the user approved. They can make an attempt fail; they cannot
// make it cost more than the quote says.
//
// An attempt is five steps, a file each: choose, fill, collect, sign,
// broadcast. The own inputs are signed last, when every other signature is
// there.
package taker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// Wallet is what the taker asks of a wallet; *wallet.Wallet is one.
type Wallet interface {
	Params() *chaincfg.Params
	Chain() chain.Backend
	// Coins are all unspent coins, frozen and leased ones included.
	Coins() ([]coins.Coin, error)
	// Subscribe delivers a value after coins have changed.
	Subscribe() (changes <-chan struct{}, cancel func())
	Reserve(wallet.Reservation) (*coins.Lease, error)
	NextAddress(mixdepth int, branch uint32) (wallet.Address, error)
	Commit(c coins.Coin, index int) (podle.Proof, error)
	// SignTx adds the witnesses of the inputs that spend these coins.
	SignTx(tx *wire.MsgTx, own []coins.Coin) error
	// Keep writes a signed transaction down that others are to send, Publish
	// does so and hands it to the node; see wallet.Wallet.
	Keep(tx *wire.MsgTx) error
	Publish(ctx context.Context, tx *wire.MsgTx) error
}

// Daemon is a started session with a daemon in the role of a taker;
// *client.Session is one. Run reads its events; between two calls of Run
// somebody else must.
type Daemon interface {
	// Market's Events delivers control.PubKeyEvent, IOAuthEvent, SigEvent and
	// FailedEvent, among others, in order.
	Market
	// Err tells why the session is over.
	Err() error
	Fill(ctx context.Context, r control.FillRequest) (control.FillAnswer, error)
	Auth(ctx context.Context, r control.AuthRequest) error
	Tx(ctx context.Context, r control.TxRequest) error
	Push(ctx context.Context, r control.PushRequest) error
}

// Commitments chooses and records what is committed to; *commitments.Store
// does.
type Commitments interface {
	Next(ctx context.Context, node commitments.Node, prover commitments.Prover, amount sats.Amount,
		selected, others []coins.Coin) (podle.Proof, error)
}

// Limits bound what one maker may be paid. An offer is refused only if its fee,
// less its contribution to the miner fee, exceeds both (spec: fee limits).
type Limits struct {
	Abs sats.Amount // max_cj_fee_abs in sat
	Rel string      // max_cj_fee_rel, decimal fraction of the amount
}

// Timeouts of the steps. Each wait ends earlier when everybody has answered.
type Timeouts struct {
	Book   time.Duration // for offers; 0: 60 s
	Quiet  time.Duration // offers are taken as complete when none has come for this long; 0: 5 s
	Answer time.Duration // for each answer of a maker, at most control.MaxDeadline; 0: 60 s
	Line   time.Duration // between two lines on the slowest message channel; answers are waited for while those asking for them leave; 0: none
	Seen   time.Duration // until the network shows what one maker was asked to broadcast; 0: 60 s
}

// Config is what a taker needs. Fields without a stated default are required.
type Config struct {
	Wallet      Wallet
	Daemon      Daemon
	Commitments Commitments
	Limits      Limits
	FeeRate     feerate.Policy
	// MaxFeeChange is max_sweep_fee_change, decimal: how far the miner fee may
	// be from the estimate of the quote, as a fraction of it; empty: 0.8.
	MaxFeeChange string
	// Chooser picks the makers; nil: RandomUnderMax.
	Chooser Chooser
	// Broadcast says who sends the transaction to the network; empty: RandomPeer.
	Broadcast Broadcast
	Timeouts  Timeouts
	// Logger; nil: silent.
	Logger *slog.Logger
	// Progress, if not nil, is called at the beginning of each step and after
	// each answer of a maker, with a sentence for the user.
	Progress func(step Step, text string)
}

// Payment is what is to be paid.
type Payment struct {
	Mixdepth    int         // from which the coins come
	Amount      sats.Amount // 0 sends everything in the mixdepth (a sweep)
	Destination string      // address
	Makers      int         // how many to ask, 1..protocol.MaxMakers
	MinMakers   int         // with how many to go on at least, 1..Makers
	// Exclude are nicks that are not asked, such as those that failed before.
	Exclude []protocol.Nick
}

// Step is a part of an attempt.
type Step string

// The steps in their order. StepApprove is the user's.
const (
	StepChoose    Step = "choose"
	StepApprove   Step = "approve"
	StepFill      Step = "fill"
	StepCollect   Step = "collect"
	StepSign      Step = "sign"
	StepBroadcast Step = "broadcast"
)

// ErrBusy: a taker makes one attempt at a time.
var ErrBusy = errors.New("the taker is at work already")

// leaseTime is how long coins are set aside at most: for the user's decision,
// and after the transaction was sent until the wallet sees that they are spent.
const leaseTime = time.Hour

// Taker makes attempts, one at a time.
type Taker struct {
	cfg       Config
	maxRel    *big.Rat
	maxChange *big.Rat
	busy      atomic.Bool
}

// New checks the configuration and fills in its defaults.
func New(cfg Config) (*Taker, error) {
	t := &Taker{}
	var err error
	if t.maxRel, err = decimal.Parse(cfg.Limits.Rel); err != nil || !cfg.Limits.Abs.Valid() {
		return nil, fmt.Errorf("fee limits %d and %q: want satoshis and a decimal fraction", cfg.Limits.Abs, cfg.Limits.Rel)
	}
	if cfg.MaxFeeChange == "" {
		cfg.MaxFeeChange = "0.8"
	}
	if t.maxChange, err = decimal.Parse(cfg.MaxFeeChange); err != nil || t.maxChange.Cmp(big.NewRat(1, 1)) >= 0 {
		return nil, fmt.Errorf("max_sweep_fee_change %q: want a decimal fraction below 1", cfg.MaxFeeChange)
	}
	if cfg.Chooser == nil {
		cfg.Chooser = RandomUnderMax
	}
	if cfg.Broadcast == "" {
		cfg.Broadcast = RandomPeer
	}
	if !cfg.Broadcast.valid() {
		return nil, fmt.Errorf("tx_broadcast %q: want self, random-peer or not-self", string(cfg.Broadcast))
	}
	for timeout, otherwise := range map[*time.Duration]time.Duration{
		&cfg.Timeouts.Book: time.Minute, &cfg.Timeouts.Quiet: 5 * time.Second,
		&cfg.Timeouts.Answer: control.DefaultDeadline, &cfg.Timeouts.Seen: time.Minute,
	} {
		if *timeout <= 0 {
			*timeout = otherwise
		}
	}
	if cfg.Timeouts.Answer > control.MaxDeadline {
		return nil, fmt.Errorf("a time of %v for an answer: at most %v", cfg.Timeouts.Answer, control.MaxDeadline)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Progress == nil {
		cfg.Progress = func(Step, string) {}
	}
	t.cfg = cfg
	return t, nil
}

// attempt is the state of one Run.
type attempt struct {
	*Taker
	payment Payment
	result  Result
	step    Step
	began   time.Time // of step
	number  uint64    // of the daemon's attempt; 0 before the fill
	lease   *coins.Lease
	// signed is set when own signatures may have left: from then on the coins
	// stay set aside until the lease ends by itself.
	signed bool
}

// Run makes one attempt. approve is given the quote before anything is sent to
// a maker; an error of it ends the attempt as declined. Run returns when the
// network shows the transaction, or with an *Error that says why not; the
// Result then has what is known. The coins are free again after a failure,
// unless our signatures may have left.
func (t *Taker) Run(ctx context.Context, p Payment, approve func(Quote) error) (Result, error) {
	if !t.busy.CompareAndSwap(false, true) {
		return Result{}, ErrBusy
	}
	defer t.busy.Store(false)
	a := &attempt{Taker: t, payment: p}
	defer func() {
		if a.lease != nil && !a.signed {
			a.lease.Release()
		}
	}()
	err := a.run(ctx, approve)
	a.enter("")
	if err != nil {
		a.cfg.Logger.Info("attempt failed", "step", a.step, "reason", ReasonOf(err))
		return a.result, &Error{Step: a.step, Reason: ReasonOf(err), Err: err}
	}
	return a.result, nil
}

func (a *attempt) run(ctx context.Context, approve func(Quote) error) error {
	a.enter(StepChoose)
	plan, err := a.choose(ctx)
	if err != nil {
		return err
	}
	a.enter(StepApprove)
	stop := a.drain()
	err = approve(plan.Quote)
	stop()
	if err != nil {
		return because(protocol.ReasonDeclined, err)
	}
	a.enter(StepFill)
	proof, keys, err := a.fill(ctx, plan)
	if err != nil {
		return err
	}
	a.enter(StepCollect)
	join, err := a.collect(ctx, plan, proof, keys)
	if err != nil {
		return err
	}
	a.enter(StepSign)
	if err := a.sign(ctx, join); err != nil {
		return err
	}
	a.enter(StepBroadcast)
	return a.broadcast(ctx, join)
}

// enter ends the present step and begins the next; "" begins none.
func (a *attempt) enter(next Step) {
	now := time.Now()
	if a.step != "" {
		a.result.Steps = append(a.result.Steps, StepTime{a.step, now.Sub(a.began)})
	}
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
	a.result.Dropped = append(a.result.Dropped, Dropped{nick, a.step, reason, why})
	a.cfg.Logger.Info("maker left out", "nick", nick, "step", a.step, "reason", reason)
	a.progress("%s is left out: %s", nick, reason)
}
