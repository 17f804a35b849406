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
//
// More makers are asked than are wanted. Up to the point where the transaction
// is built, others take the place of those that are silent or lie, all for one
// commitment. A transaction needs every signature: when one is missing, Run
// makes another attempt with the makers that did sign, at most at the price that
// the user approved.
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
	"github.com/joinmarket-go/joinmarket/wallet/bond"
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
	// Nick is our name in the market, for which makers prove their bonds.
	Nick() protocol.Nick
	// Err tells why the session is over.
	Err() error
	Fill(ctx context.Context, r control.FillRequest) (control.FillAnswer, error)
	Refill(ctx context.Context, r control.RefillRequest) error
	Auth(ctx context.Context, r control.AuthRequest) error
	Tx(ctx context.Context, r control.TxRequest) error
	Push(ctx context.Context, r control.PushRequest) error
}

// Commitments chooses and records what is committed to; *commitments.Store
// does.
type Commitments interface {
	Budget(ctx context.Context, node commitments.Node, prover commitments.Prover, amount sats.Amount,
		selected, others []coins.Coin) (commitments.Budget, error)
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
	Answer time.Duration // for each answer of a maker, at most control.MaxDeadline; 0: control.DefaultDeadline
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
	// Chooser draws the makers; nil: BondWeighted(0.125).
	Chooser Chooser
	// Pick, if not nil, picks the makers in the place of Chooser: it is given the
	// candidates, sorted by fee, and how many are still to be picked, and returns
	// an index. Nobody is asked in the place of those who were picked.
	Pick func(candidates []Candidate, missing int) (int, error)
	// Own says what is ours in the market besides the wallet; it is asked whenever
	// makers are chosen, as nicks change. nil: nothing is.
	Own func() Own
	// Bonds says what fidelity bonds are worth; zero: bond.DefaultRates.
	Bonds bond.Rates
	// Broadcast says who sends the transaction to the network; empty: RandomPeer.
	Broadcast Broadcast
	Timeouts  Timeouts
	// Retries is how many further attempts Run makes by itself after makers have
	// spoiled one; each costs a commitment, and makers learn a little more of the
	// coins each time (attack P10). 0: 2; negative: none.
	Retries int
	// Journal is told of every attempt; nil: nobody is.
	Journal Journal
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
	// Exclude are nicks that are not asked.
	Exclude []protocol.Nick
	// Avoid are nicks that are not asked as long as there are twice as many others
	// as are wanted, such as those that did not sign lately: whoever keeps makers
	// from signing is not to decide who is left.
	Avoid []protocol.Nick
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
		cfg.Chooser = BondWeighted(0.125)
	}
	if cfg.Bonds == (bond.Rates{}) {
		cfg.Bonds = bond.DefaultRates
	}
	if err := cfg.Bonds.Check(); err != nil {
		return nil, err
	}
	if cfg.Broadcast == "" {
		cfg.Broadcast = RandomPeer
	}
	if !cfg.Broadcast.valid() {
		return nil, fmt.Errorf("tx_broadcast %q: want self, random-peer, multiple-peers or not-self", string(cfg.Broadcast))
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
	if cfg.Retries == 0 {
		cfg.Retries = 2
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
