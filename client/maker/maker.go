// Package maker earns fees: it announces offers, lets takers use the coins of
// a wallet in their CoinJoins, and signs what it agreed to and nothing else.
//
// The daemon is not trusted. Whatever it says about a conversation is compared
// with the maker's own record: the offers it published, the commitments it
// accepted, the coins and addresses it revealed. A daemon that lies can make
// the maker do nothing; it cannot make it lose money or show coins twice for
// one commitment.
//
// One goroutine, that of Run, takes the events one after the other and owns the
// state, so that no two conversations can be given the same coin or address.
package maker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// Wallet is what the maker asks of a wallet; *wallet.Wallet is one.
type Wallet interface {
	Mixdepths() int
	// Synced returns the end of the chain as last known.
	Synced() (tip chain.Tip, fresh bool)
	// Coins are all unspent coins, frozen and leased ones included.
	Coins() ([]coins.Coin, error)
	// InUse are the coins that are set aside, by whomever.
	InUse() map[wire.OutPoint]string
	// Subscribe delivers a value after coins have changed, or were set aside.
	Subscribe() (changes <-chan struct{}, cancel func())
	Reserve(wallet.Reservation) (*coins.Lease, error)
	// Show hands out a new internal address of each mixdepth, and remembers the
	// coins, also after a restart, as one of Shown.
	Show(coins []coins.Coin, mixdepths ...int) ([]wallet.Address, error)
	Shown() [][]wire.OutPoint
	// Hold makes a lease, and what is signed for, outlast this process.
	Hold(l *coins.Lease, ttl time.Duration, d wallet.Deal) error
	// Signed is what was held for, also before the last start, and Settled
	// strikes one off.
	Signed() []wallet.Signed
	Settled(id chainhash.Hash) error
	// Record looks up a transaction of the wallet.
	Record(id chainhash.Hash) (wallet.Record, error)
	SignMessage(c coins.Coin, text string) (pubkey, der []byte, err error)
	// SignTx adds the witnesses of the inputs that spend these coins, and of
	// no others.
	SignTx(tx *wire.MsgTx, own []coins.Coin) error
	// Bonds are the unspent fidelity bonds, and CertifyBond lets another key
	// speak for one.
	Bonds() ([]wallet.Bond, error)
	CertifyBond(path keys.Path, key [btcec.PubKeyBytesLenCompressed]byte, expiry uint16) (bond.Certificate, error)
}

// Node is what the maker asks of its own node; a chain.Backend is one.
type Node interface {
	TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error)
	Broadcast(ctx context.Context, tx *wire.MsgTx) error
	// MinFeeRate is what the mempool takes now, in sat/kvB.
	MinFeeRate(ctx context.Context) (sats.Amount, error)
}

// Daemon is a session with a daemon in the role of a maker; *client.Session is
// one.
type Daemon interface {
	// Ready waits until the market can be used.
	Ready(ctx context.Context) error
	// Events delivers control.AuthEvent, TxEvent, PushEvent and EndedEvent in
	// order, and is closed when the session is over.
	Events() <-chan any
	// Err tells why the session is over.
	Err() error
	Announce(ctx context.Context, r control.AnnounceRequest) error
	IOAuth(ctx context.Context, r control.IOAuthRequest) error
	Sigs(ctx context.Context, r control.SigsRequest) error
	Refuse(ctx context.Context, r control.RefuseRequest) error
	Close()
}

// Defaults of Config.
const (
	DefaultAge         = 5
	DefaultAmountShare = 20
	DefaultTries       = 3
	DefaultHoldSigned  = 5 * time.Minute
	DefaultReannounce  = 5 * time.Minute
)

// Config is what a maker needs. Fields without a stated default are required.
type Config struct {
	Wallet Wallet
	Node   Node
	// Connect opens a session with the daemon, under a new nick each time, that
	// has prove answer control.QuestionBond. It is called again, ever more
	// slowly, when a session is lost.
	Connect func(ctx context.Context, prove Prove) (Daemon, error)
	Terms   Terms
	// ColdBonds are fidelity bonds of other machines; nil: there are none. It is
	// called from several goroutines, before each proof.
	ColdBonds func() ([]coldbonds.Bond, error)
	// Record is the path of the file of accepted commitments. It lies in the
	// wallet's folder, and the lock of the wallet keeps other makers away.
	Record string
	Files  durable.System // how it is written; nil: the operating system

	// Closed reports whether the coins of a mixdepth are needed for something
	// else, so that none of them is offered or shown. It is asked each time, also
	// from several goroutines. nil: none are.
	Closed func(mixdepth int) bool

	// What the coin behind a taker's commitment must have: confirmations
	// (0: DefaultAge), a share of the amount in percent (0:
	// DefaultAmountShare), and how many commitments may be made from it (0:
	// DefaultTries, at most podle.Points).
	Age         int32
	AmountShare int64
	Tries       int

	// MinFeeRate is the least rate, in sat/kvB, of a transaction that is signed,
	// if it is more than what our node's mempool takes.
	MinFeeRate sats.Amount

	// HoldSigned is how long coins stay set aside after signing when no
	// transaction that spends them is seen; 0: DefaultHoldSigned. Takers may
	// broadcast as late as three minutes after the last signature.
	HoldSigned time.Duration

	// Reannounce is the mean of the random time after which offers follow what
	// the wallet can do, at most three times as long; 0: DefaultReannounce.
	Reannounce time.Duration

	// Notify is told what happens, from the goroutine of Run; it must not
	// block. nil: nobody is told.
	Notify func(Event)
	Logger *slog.Logger // nil: silent
}

// Maker is a maker. It does nothing until Run.
type Maker struct {
	cfg      Config
	log      *slog.Logger
	accepted *accepted
	prover   *prover

	// Owned by the goroutine of Run.
	published []protocol.Offer // in force at the daemon of this session
	withBond  *ShownBond       // announced with them
	drawnFor  sats.Amount      // the coarse balance that they were made for
	former    []former         // offers that they replaced
	due       <-chan time.Time // when others are to be made; nil: they are not
	talks     map[uint64]*talk // open conversations of this session
	signed    []*promise       // whose end is not seen yet, oldest first
}

// New checks the configuration and opens the record, which Run closes.
func New(cfg Config) (*Maker, error) {
	if cfg.Age == 0 {
		cfg.Age = DefaultAge
	}
	if cfg.AmountShare == 0 {
		cfg.AmountShare = DefaultAmountShare
	}
	if cfg.Tries == 0 {
		cfg.Tries = DefaultTries
	}
	if cfg.HoldSigned == 0 {
		cfg.HoldSigned = DefaultHoldSigned
	}
	if cfg.Reannounce == 0 {
		cfg.Reannounce = DefaultReannounce
	}
	if cfg.Files == nil {
		cfg.Files = durable.OS
	}
	if cfg.ColdBonds == nil {
		cfg.ColdBonds = func() ([]coldbonds.Bond, error) { return nil, nil }
	}
	if cfg.Notify == nil {
		cfg.Notify = func(Event) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Wallet == nil || cfg.Node == nil || cfg.Connect == nil || cfg.Record == "":
		return nil, errors.New("maker: Wallet, Node, Connect and Record are required")
	case cfg.Age < 1 || cfg.AmountShare < 1 || cfg.AmountShare > 100 || cfg.Tries < 1 || cfg.Tries > podle.Points || cfg.HoldSigned < 0 || !cfg.MinFeeRate.Valid() || cfg.Reannounce < 0:
		return nil, fmt.Errorf("maker: a demand on takers, or a time, is out of range: age %d, share %d%%, %d tries, %v, %v, %d sat/kvB",
			cfg.Age, cfg.AmountShare, cfg.Tries, cfg.HoldSigned, cfg.Reannounce, int64(cfg.MinFeeRate))
	}
	if err := cfg.Terms.Validate(); err != nil {
		return nil, err
	}
	record, err := openAccepted(cfg.Files, cfg.Record)
	if err != nil {
		return nil, err
	}
	return &Maker{
		cfg: cfg, log: cfg.Logger, accepted: record,
		prover: &prover{wallet: cfg.Wallet, node: cfg.Node, cold: cfg.ColdBonds},
	}, nil
}
