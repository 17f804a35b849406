// Package core is the chain backend for Bitcoin Core and Bitcoin Knots, version
// 24 or later.
//
// It keeps a watch-only wallet in the node, which it creates: public output
// descriptors go to the node and private keys never do. The wallet makes the
// node remember the transactions of the scripts, so that after the first search
// of the chain nothing is searched again.
package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

const (
	// DefaultPoll is how often the node is asked for news where Config does
	// not say.
	DefaultPoll = 2 * time.Second
	// minVersion is the first whose listsinceblock shows payments from a
	// wallet to itself.
	minVersion = 240000
)

// Config says which node, and which wallet of it, to use.
type Config struct {
	Node rpc.Config
	// Wallet is the name of the node's wallet. One that does not exist is
	// created; one that does must hold no private keys. Several JoinMarket
	// wallets may share it.
	Wallet string
	Params *chaincfg.Params
	// Poll is the time between questions for news; 0 means DefaultPoll.
	Poll time.Duration
	// Logger is nil for silence.
	Logger *slog.Logger
}

// Backend is a connection to a node. It implements chain.Backend.
type Backend struct {
	cfg     Config
	log     *slog.Logger
	node    *rpc.Client
	wallet  *rpc.Client  // the same node, asked for its wallet
	checked atomic.Bool  // that the node is the right one, and in sync
	losses  atomic.Int64 // how often the node was lost
	changes chan struct{}
	stop    context.CancelFunc // ends polling
	stopped chan struct{}

	step     int32 // blocks to search at once
	progress chain.Meter

	// watched has its own lock, which is a channel since holding it takes as
	// long as a search.
	lock    chan struct{}
	watched watched
}

var _ chain.Backend = (*Backend)(nil)

// New returns a backend. It does not wait for the node: each method says
// whether the node can be used, and works again when it comes back. Close it
// after use.
func New(cfg Config) (*Backend, error) {
	if cfg.Wallet == "" {
		return nil, errors.New("the name of the node's watch-only wallet must be configured")
	}
	node, err := rpc.New(cfg.Node)
	if err != nil {
		return nil, err
	}
	cfg.Poll = cmp.Or(cfg.Poll, DefaultPoll)
	ctx, stop := context.WithCancel(context.Background())
	b := &Backend{
		cfg:     cfg,
		log:     cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
		node:    node,
		wallet:  node.Wallet(cfg.Wallet),
		changes: make(chan struct{}, 1),
		stop:    stop,
		stopped: make(chan struct{}),
		step:    searchStep,
		lock:    make(chan struct{}, 1),
		watched: watched{branches: make(map[string]*branch)},
	}
	go b.poll(ctx)
	return b, nil
}

// Close implements chain.Backend.
func (b *Backend) Close() error {
	b.stop()
	<-b.stopped
	b.node.Close()
	return nil
}

// Changes implements chain.Backend.
func (b *Backend) Changes() <-chan struct{} { return b.changes }

// changed tells the reader of Changes, once for many.
func (b *Backend) changed() {
	select {
	case b.changes <- struct{}{}:
	default:
	}
}

// Tip implements chain.Backend.
func (b *Backend) Tip(ctx context.Context) (_ chain.Tip, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return chain.Tip{}, err
	}
	info, err := b.node.ChainInfo(ctx)
	return info.Tip(), err
}

// BlockTime is the time in the header of the block at a height of the best
// chain.
func (b *Backend) BlockTime(ctx context.Context, height int32) (_ time.Time, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return time.Time{}, err
	}
	return b.node.BlockTime(ctx, height)
}

// TxOut implements chain.Backend.
func (b *Backend) TxOut(ctx context.Context, out wire.OutPoint) (_ chain.TxOut, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return chain.TxOut{}, err
	}
	return b.node.TxOut(ctx, out)
}

// HasTxOut implements chain.InChain.
func (b *Backend) HasTxOut(ctx context.Context, out wire.OutPoint) (_ bool, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return false, err
	}
	return b.node.HasTxOut(ctx, out)
}

// check makes sure, once per connection, that the node is one to believe.
func (b *Backend) check(ctx context.Context) error {
	if b.checked.Load() {
		return nil
	}
	info, err := b.node.ChainInfo(ctx)
	if err != nil {
		return err
	}
	if err := b.node.CheckNetwork(ctx, info, b.cfg.Params); err != nil {
		return err
	}
	// A regtest node that was off for a day counts itself as syncing, but
	// nothing will come.
	if info.Syncing && b.cfg.Params.Net != chaincfg.RegressionNetParams.Net {
		return fmt.Errorf("%w: it is still downloading the chain: block %d of %d, %.6s of 1 verified; wait until it is done",
			chain.ErrUnreachable, info.Blocks, info.Headers, info.Progress)
	}
	var network struct{ Version int }
	if err := b.node.Call(ctx, "getnetworkinfo", nil, &network); err != nil {
		return err
	}
	if network.Version < minVersion {
		return fmt.Errorf("the node's version %d is too old: install Bitcoin Core or Knots 24 or later", network.Version)
	}
	b.checked.Store(true)
	return nil
}

// note has the node checked again after it was lost.
func (b *Backend) note(err *error) {
	if errors.Is(*err, chain.ErrUnreachable) {
		b.checked.Store(false)
		b.losses.Add(1)
	}
}
