package spend

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Errors of fee bumps.
var (
	// ErrConfirmed: there is nothing to speed up.
	ErrConfirmed = errors.New("the transaction is confirmed already")
	// ErrPaysMore: the transaction pays the rate asked for already, or not
	// enough less for a replacement.
	ErrPaysMore = errors.New("the fee rate is too low for a bump")
	// ErrForeign: others have put in coins, so that only a child can pay.
	ErrForeign = errors.New("others have put coins into the transaction, so it cannot be replaced")
	// ErrDescendants: other transactions would go with the one replaced.
	ErrDescendants = errors.New("other transactions spend its outputs already and would vanish with it")
	// ErrNoPayer: no output can pay the higher fee.
	ErrNoPayer = errors.New("no output can pay the higher fee")
	// ErrNoMempool: the backend cannot tell what the old transaction pays.
	ErrNoMempool = errors.New("a light client cannot tell what the transaction pays; use a full node")
)

// NoOutput leaves the choice of the output that pays to Raise.
const NoOutput = -1

// Raise is a request to have an own unconfirmed transaction mined sooner.
type Raise struct {
	TxID chainhash.Hash
	// Output is the index of the output that pays, or NoOutput: own change. In
	// a replacement it may be a receiver's, who then gets less. A child spends
	// it.
	Output int
	// Child pays by a child even if the transaction could be replaced.
	Child bool
}

// minBump is what a replacement pays more than what it replaces, in sat/kvB of
// its own size (BIP125).
const minBump sats.Amount = 1000

// BumpFee makes a transaction that has an unconfirmed one mined sooner: one that
// replaces it if all its coins are the wallet's and nothing else depends on it,
// otherwise a child that pays for both. approve is as in Pay.
func BumpFee(ctx context.Context, cfg Config, r Raise, approve func(Quote) error) (Receipt, error) {
	old, err := cfg.Wallet.Record(r.TxID)
	if err != nil {
		return Receipt{}, err
	}
	if old.Confirmations > 0 {
		return Receipt{}, ErrConfirmed
	}
	if r.Output != NoOutput && (r.Output < 0 || r.Output >= len(old.Tx.TxOut)) {
		return Receipt{}, fmt.Errorf("%w: it has the outputs 0 to %d", ErrNoPayer, len(old.Tx.TxOut)-1)
	}
	if !r.Child {
		err := cfg.canReplace(ctx, r.TxID, old)
		if err == nil {
			return cfg.replace(ctx, r, old, approve)
		}
		if !errors.Is(err, ErrForeign) && !errors.Is(err, ErrDescendants) {
			return Receipt{}, err
		}
	}
	return cfg.child(ctx, r, old, approve)
}

// canReplace says why an unconfirmed transaction cannot be replaced.
func (cfg Config) canReplace(ctx context.Context, id chainhash.Hash, old wallet.Record) error {
	if len(old.Spends) != len(old.Tx.TxIn) {
		return ErrForeign
	}
	if len(old.Children) > 0 {
		return ErrDescendants
	}
	if cfg.Mempool == nil {
		return nil
	}
	u, err := cfg.Mempool.Unconfirmed(ctx, id)
	switch {
	case errors.Is(err, chain.ErrNotInMempool): // evicted; nothing is left to depend on it
		return nil
	case err == nil && u.Descendants.Count > 1:
		return ErrDescendants
	}
	return err
}

// ownFee is what a transaction pays whose coins are all the wallet's.
func ownFee(r wallet.Record) (fee sats.Amount, err error) {
	for _, c := range r.Spends {
		fee += c.Value
	}
	for _, out := range r.Tx.TxOut {
		fee -= sats.Amount(out.Value)
	}
	if !fee.Valid() {
		return 0, fmt.Errorf("what the transaction pays: %w", sats.ErrRange)
	}
	return fee, nil
}

// outputsOf are those of a transaction as a builder takes them.
func outputsOf(tx *wire.MsgTx) (list []txbuild.Output) {
	for _, out := range tx.TxOut {
		list = append(list, txbuild.Output{Value: sats.Amount(out.Value), Script: out.PkScript})
	}
	return list
}
