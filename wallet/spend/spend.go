// Package spend pays from a wallet without counterparties: ordinary payments,
// sweeps, and fee bumps of what is not confirmed yet. It decides what a
// transaction costs before anybody is asked, asks, and makes sure that the
// transaction it sends is the one that was agreed to, to the satoshi.
//
// All spending of coins that is no CoinJoin goes through here, so that limits on
// fees hold everywhere (attack T19), and coins of two mixdepths never meet
// unless the user says so (attack P5).
package spend

import (
	"context"
	"errors"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Errors of this package, besides those of the wallet, coins.ErrFunds,
// txbuild.ErrConflict and those of package feerate.
var (
	// ErrPayment: there is nothing to pay, or not to whom.
	ErrPayment = errors.New("not a payment")
	// ErrDust: an output would be too small for nodes to pass it on.
	ErrDust = errors.New("too small to be paid")
	// ErrCoin: a coin that was named cannot be spent.
	ErrCoin = errors.New("a coin that was named cannot be spent")
	// ErrMix: coins of several mixdepths were named.
	ErrMix = errors.New("coins of several mixdepths would be joined")
	// ErrTooLarge: nodes do not pass on transactions of this size.
	ErrTooLarge = errors.New("the transaction would be too large; spend fewer coins at once")
	// ErrChanged: the transaction that came about is not the one agreed to.
	ErrChanged = errors.New("the transaction differs from what was agreed to; nothing was sent")
)

const (
	// DefaultHold is how long coins are set aside while the user thinks.
	DefaultHold = time.Hour
	// maxVSize is the largest transaction that nodes pass on, in vB.
	maxVSize = 100_000
)

// Wallet is what is asked of a wallet; *wallet.Wallet is one.
type Wallet interface {
	Mixdepths() int
	Lease(purpose string, ttl time.Duration, choose func(wallet.Choice) ([]coins.Coin, error)) (*coins.Lease, error)
	Type() txbuild.ScriptType
	NextAddress(mixdepth int, branch uint32) (wallet.Address, error)
	Thaw(outs ...wire.OutPoint) error
	SignTx(tx *wire.MsgTx, own []coins.Coin) error
	Publish(ctx context.Context, tx *wire.MsgTx) error
	Record(id chainhash.Hash) (wallet.Record, error)
	SignReplacement(tx *wire.MsgTx, own []coins.Coin, replaced chainhash.Hash) error
}

// Config is what every payment needs.
type Config struct {
	Wallet Wallet
	Node   feerate.Node
	// Mempool tells what unconfirmed transactions of others pay; nil with a
	// light client, which cannot.
	Mempool chain.Mempool
	// Fee decides on the rate and has the last word on the fee.
	Fee feerate.Policy
	// Selection is how coins are chosen; empty: coins.Default.
	Selection coins.Algorithm
	// Hold is how long coins are set aside for one payment; 0: DefaultHold.
	Hold time.Duration
}

// Payment says who is to be paid from which coins.
type Payment struct {
	// Mixdepth pays and gets the change. OfCoins: the one of the coins named.
	Mixdepth int
	// Outputs are the receivers, each script once. With Sweep their values are 0:
	// each gets the same part of everything less the fee.
	Outputs []txbuild.Output
	Sweep   bool
	// Coins, if any, are spent, exactly these; otherwise coins are chosen, for a
	// sweep all that may be spent.
	Coins []wire.OutPoint
	// Mix allows Coins of several mixdepths, which everybody can see to belong
	// together from then on.
	Mix bool
	// MinConf is how many confirmations chosen coins have. It does not bind
	// those that are named.
	MinConf int32
	// NoRBF makes the transaction tell that it is not to be replaced.
	NoRBF bool
	// Keep, with Sweep and without Outputs, sends everything to a new address of
	// the wallet in the mixdepth Into.
	Keep bool
	Into int
	// Release lets Coins be fidelity bonds that are frozen for no other cause.
	// They are thawed after the payment was agreed to.
	Release bool
}

// OfCoins stands for the mixdepth of the coins named, of the first of them if
// they are of several.
const OfCoins = -1

// Pay makes a payment: it chooses coins, tells approve what the payment comes to,
// and, unless that returns an error, signs and sends exactly that. The coins are
// set aside meanwhile. Nothing is written or sent before approve has returned.
//
// After wallet.ErrKept the receipt tells what may be on its way.
func Pay(ctx context.Context, cfg Config, p Payment, approve func(Quote) error) (Receipt, error) {
	d, err := prepare(ctx, cfg, p)
	if err != nil {
		return Receipt{}, err
	}
	defer d.lease.Release()
	tx, err := d.agree(ctx, approve)
	if err != nil {
		return Receipt{}, err
	}
	if p.Release {
		if err := cfg.Wallet.Thaw(p.Coins...); err != nil {
			return Receipt{}, err
		}
	}
	if err := cfg.Wallet.SignTx(tx, d.lease.Coins); err != nil {
		return Receipt{}, err
	}
	return cfg.send(ctx, tx, d.quote)
}

// Unsigned is Pay up to the signatures: it returns the transaction for a signer
// elsewhere. The coins are not set aside after it has returned.
func Unsigned(ctx context.Context, cfg Config, p Payment, approve func(Quote) error) (*wire.MsgTx, Quote, error) {
	d, err := prepare(ctx, cfg, p)
	if err != nil {
		return nil, Quote{}, err
	}
	defer d.lease.Release()
	tx, err := d.agree(ctx, approve)
	return tx, d.quote, err
}

// send verifies a signed transaction against its quote and publishes it.
func (cfg Config) send(ctx context.Context, tx *wire.MsgTx, q Quote) (Receipt, error) {
	if err := cfg.verify(tx, q); err != nil {
		return Receipt{}, err
	}
	r := Receipt{Quote: q, Tx: tx, Size: vsize(tx)}
	err := cfg.Wallet.Publish(ctx, tx)
	if err != nil && !errors.Is(err, wallet.ErrKept) {
		return Receipt{}, err
	}
	return r, err
}
