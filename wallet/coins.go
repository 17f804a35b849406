package wallet

import (
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/history"
)

// view is what the wallet knows of the chain. A published view is not changed.
type view struct {
	tip      chain.Tip
	watched  counts // addresses whose history this is
	history  history.History
	coins    []coins.Coin // in the order of the chain
	immature []coins.Coin // rewards of blocks that are too young to be spent
}

// Balance says what a mixdepth holds. Every coin counts in exactly one of the
// parts; the first condition that holds decides, in the order of the fields.
type Balance struct {
	Mixdepth    int
	Immature    sats.Amount // rewards of blocks that are too young to be spent
	Bonds       sats.Amount // fidelity bonds, also those whose time has come
	Frozen      sats.Amount
	Unconfirmed sats.Amount
	Leased      sats.Amount // set aside for a session, or for a transaction that waits to be sent
	Available   sats.Amount // free to be spent
}

// Total is the sum of the parts.
func (b Balance) Total() sats.Amount {
	return b.Immature + b.Bonds + b.Frozen + b.Unconfirmed + b.Leased + b.Available
}

// current returns the last known view or ErrNotSynced.
func (w *Wallet) current() (*view, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.view == nil {
		return nil, ErrNotSynced
	}
	return w.view, nil
}

// Coins returns the unspent coins that are not immature, frozen and leased ones
// included, oldest first; their scripts must not be changed. Before the first synchronisation it fails with
// ErrNotSynced; later it is the last known state, see Synced.
func (w *Wallet) Coins() ([]coins.Coin, error) {
	v, err := w.current()
	if err != nil {
		return nil, err
	}
	return slices.Clone(v.coins), nil
}

// Balances returns what each mixdepth holds, under the same conditions as
// Coins.
func (w *Wallet) Balances() ([]Balance, error) {
	v, err := w.current()
	if err != nil {
		return nil, err
	}
	balances := make([]Balance, w.Mixdepths())
	for i := range balances {
		balances[i].Mixdepth = i
	}
	inUse := w.InUse()
	for _, c := range v.immature {
		balances[c.Mixdepth].Immature += c.Value
	}
	for _, c := range v.coins {
		balances[c.Mixdepth].count(c, inUse)
	}
	return balances, nil
}

// count adds a coin that is not immature.
func (b *Balance) count(c coins.Coin, inUse map[wire.OutPoint]string) {
	_, used := inUse[c.OutPoint]
	switch {
	case c.Locktime != 0:
		b.Bonds += c.Value
	case c.Frozen:
		b.Frozen += c.Value
	case c.Height == 0:
		b.Unconfirmed += c.Value
	case used:
		b.Leased += c.Value
	default:
		b.Available += c.Value
	}
}

// add adds the parts of another balance.
func (b *Balance) add(o Balance) {
	b.Immature += o.Immature
	b.Bonds += o.Bonds
	b.Frozen += o.Frozen
	b.Unconfirmed += o.Unconfirmed
	b.Leased += o.Leased
	b.Available += o.Available
}

// Sending is what the coins of a pending transaction are set aside for.
const Sending = "a transaction that was signed"

// InUse returns the coins that are set aside now, and what for: the purpose of
// their lease, or Sending.
func (w *Wallet) InUse() map[wire.OutPoint]string {
	used := w.leases.Owners()
	for out := range w.promised() {
		used[out] = Sending
	}
	return used
}

// find returns the coin of an outpoint.
func (w *Wallet) find(out wire.OutPoint) (coins.Coin, error) {
	v, err := w.current()
	if err != nil {
		return coins.Coin{}, err
	}
	return v.find(out)
}

func (v *view) find(out wire.OutPoint) (coins.Coin, error) {
	for _, c := range v.coins {
		if c.OutPoint == out {
			return c, nil
		}
	}
	return coins.Coin{}, ErrNotOurs
}

// computeLocked fills in the coins of a view from its history; w.mu is held.
func (w *Wallet) computeLocked(v *view) {
	v.coins, v.immature = nil, nil
	spent := v.history.Spent()
	v.history.Outputs(func(out history.Output) {
		c, ours := w.coinLocked(out)
		if !ours || spent[out.OutPoint] || out.Value <= 0 {
			return
		}
		// The block after its hundredth confirmation may spend a reward.
		if out.Coinbase && c.Confirmations(v.tip.Height) < int32(w.cfg.Params.CoinbaseMaturity) {
			v.immature = append(v.immature, c)
			return
		}
		v.coins = append(v.coins, c)
	})
}

// coinLocked returns an output as a coin if it is the wallet's; w.mu is held.
func (w *Wallet) coinLocked(out history.Output) (c coins.Coin, ours bool) {
	path, ours := w.paths[string(out.PkScript)]
	if !ours {
		return c, false
	}
	cause := w.state.cause(out.OutPoint, path)
	return coins.Coin{
		OutPoint: out.OutPoint,
		Value:    sats.Amount(out.Value),
		Script:   out.PkScript,
		Mixdepth: path.Mixdepth,
		Branch:   path.Branch,
		Index:    path.Index,
		Locktime: path.Locktime,
		Height:   out.Height,
		Frozen:   cause != "",
		Cause:    cause,
	}, true
}
