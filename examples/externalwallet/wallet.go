// Package externalwallet is a wallet of its own kind that pays with CoinJoins: a
// bag of keys, which knows nothing of mixdepths, descriptors or the messages of
// the market. What the taker asks of it is the interface taker.Wallet.
//
// It is an example: a real wallet writes keys and signed transactions to the disk
// where the comments say so, before it returns.
package externalwallet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// Wallet is a bag of keys and of the coins that they own. All its coins are in
// one mixdepth, the number 0.
type Wallet struct {
	params *chaincfg.Params
	node   chain.Backend
	leases coins.Leases

	mu       sync.Mutex // guards what follows
	keys     map[string]*btcec.PrivateKey
	coins    []coins.Coin
	watchers []chan struct{}
}

var _ taker.Wallet = (*Wallet)(nil)

// New makes an empty wallet that believes this node.
func New(params *chaincfg.Params, node chain.Backend) *Wallet {
	return &Wallet{params: params, node: node, keys: make(map[string]*btcec.PrivateKey)}
}

// Params is the network.
func (w *Wallet) Params() *chaincfg.Params { return w.params }

// Chain is the node.
func (w *Wallet) Chain() chain.Backend { return w.node }

// NextAddress makes a key and its P2WPKH address. It is never the same twice,
// and a real wallet has it on the disk now.
func (w *Wallet) NextAddress(int, uint32) (wallet.Address, error) {
	key, err := btcec.NewPrivateKey()
	if err != nil {
		return wallet.Address{}, err
	}
	hash := address.Hash160(key.PubKey().SerializeCompressed())
	to, err := address.NewAddressWitnessPubKeyHash(hash, w.params)
	if err != nil {
		return wallet.Address{}, err
	}
	script, err := txbuild.ParseAddress(to.String(), w.params)
	if err != nil {
		return wallet.Address{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys[string(script)] = key
	return wallet.Address{Text: to.String(), Script: script}, nil
}

// Receive asks the node about the outputs of a transaction and takes those that
// are ours, confirmed at a height, or 0.
func (w *Wallet) Receive(tx *wire.MsgTx, height int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, out := range tx.TxOut {
		if w.keys[string(out.PkScript)] == nil {
			continue
		}
		at := wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}
		w.coins = slices.DeleteFunc(w.coins, func(c coins.Coin) bool { return c.OutPoint == at })
		w.coins = append(w.coins, coins.Coin{OutPoint: at, Value: sats.Amount(out.Value), Script: out.PkScript, Height: height})
	}
	for _, in := range tx.TxIn {
		w.coins = slices.DeleteFunc(w.coins, func(c coins.Coin) bool { return c.OutPoint == in.PreviousOutPoint })
	}
	for _, changes := range w.watchers {
		select {
		case changes <- struct{}{}:
		default: // told already
		}
	}
}

// Coins are the unspent ones.
func (w *Wallet) Coins() ([]coins.Coin, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.coins), nil
}

// Subscribe tells when coins have changed.
func (w *Wallet) Subscribe() (changes <-chan struct{}, cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	watcher := make(chan struct{}, 1)
	w.watchers = append(w.watchers, watcher)
	return watcher, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.watchers = slices.DeleteFunc(w.watchers, func(c chan struct{}) bool { return c == watcher })
	}
}

// Reserve sets coins aside, so that nothing else spends them meanwhile.
func (w *Wallet) Reserve(r wallet.Reservation) (*coins.Lease, error) {
	tip, err := w.node.Tip(context.Background())
	if err != nil {
		return nil, err
	}
	all, _ := w.Coins()
	return w.leases.Take(r.Purpose, max(r.TTL, time.Minute), func(leased func(wire.OutPoint) bool) ([]coins.Coin, error) {
		free := coins.Filter{MinConf: r.MinConf, Tip: tip.Height, Exclude: leased}.Apply(all)
		switch {
		case len(r.Include) > 0:
			return nil, errors.New("this wallet does not tie transactions together")
		case r.Sweep && len(free) == 0:
			return nil, coins.ErrFunds
		case r.Sweep:
			return free, nil
		}
		return coins.Default.Select(free, r.Target)
	})
}

// key is the private key of a coin.
func (w *Wallet) key(c coins.Coin) (*btcec.PrivateKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key := w.keys[string(c.Script)]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%v is not ours", c.OutPoint)
}

// Commit makes the proof that opens a commitment to a coin.
func (w *Wallet) Commit(c coins.Coin, index int) (podle.Proof, error) {
	key, err := w.key(c)
	if err != nil {
		return podle.Proof{}, err
	}
	return podle.Generate(key, c.OutPoint, index)
}

// SignTx signs the inputs that spend our coins. What the transaction pays to whom
// the taker has checked.
func (w *Wallet) SignTx(tx *wire.MsgTx, own []coins.Coin) error {
	for i, in := range tx.TxIn {
		for _, c := range own {
			if c.OutPoint != in.PreviousOutPoint {
				continue
			}
			key, err := w.key(c)
			if err != nil {
				return err
			}
			if err := txsign.Sign(tx, i, txsign.PrevOut{Value: c.Value, Script: c.Script}, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// Keep remembers a signed transaction that a maker will broadcast; a real wallet
// has it on the disk now.
func (w *Wallet) Keep(tx *wire.MsgTx) error {
	w.Receive(tx, 0)
	return nil
}

// Publish does so and broadcasts it.
func (w *Wallet) Publish(ctx context.Context, tx *wire.MsgTx) error {
	if err := w.node.Broadcast(ctx, tx); err != nil {
		return err
	}
	return w.Keep(tx)
}
