// Package btcd is the chain backend for btcd, version 0.24 or later.
//
// btcd knows no wallets. Blocks are chosen by their compact filters (BIP 158),
// which tell of the scripts that a block spends as well as of those it pays:
// so a spend is found although nobody told the node, or this backend, which
// coins there are. What the filters choose, and the mempool, is read and judged
// here. Nothing about the wallet is ever told to the node.
package btcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/filters"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// staleTip is the age of the last block from which on btcd counts as syncing,
// as btcd itself does. It has no word for that in its answers.
const staleTip = 24 * time.Hour

// Config says which node to use.
type Config struct {
	Addr string // host:port of the RPC server
	// User and Password are those of rpcuser and rpcpass: a limited user may
	// not ask all that is needed.
	User     string
	Password secret.Text
	// CertFile is the node's rpc.cert. Without it the connection is not
	// encrypted, which is allowed on this machine only.
	CertFile string
	Params   *chaincfg.Params
	// Logger is nil for silence.
	Logger *slog.Logger
}

// Backend is a connection to a node. It implements chain.Backend.
type Backend struct {
	cfg     Config
	log     *slog.Logger
	tls     *tls.Config
	node    *rpc.Client
	checked atomic.Bool // that the node is the right one, and in sync
	changes chan struct{}
	stop    context.CancelFunc // ends the notifications
	stopped chan struct{}
	scripts filters.Watched
	mempool *mempool
}

var _ chain.Backend = (*Backend)(nil)

// New returns a backend. It does not wait for the node: each method says
// whether the node can be used, and works again when it comes back. Close it
// after use.
func New(cfg Config) (*Backend, error) {
	encryption, err := encryption(cfg)
	if err != nil {
		return nil, err
	}
	node, err := rpc.New(rpc.Config{Addr: cfg.Addr, User: cfg.User, Password: cfg.Password, TLS: encryption})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Backend{
		cfg:     cfg,
		log:     cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
		tls:     encryption,
		node:    node,
		changes: make(chan struct{}, 1),
		stop:    stop,
		stopped: make(chan struct{}),
		mempool: newMempool(),
	}
	go b.follow(ctx)
	return b, nil
}

// encryption is nil for none.
func encryption(cfg Config) (*tls.Config, error) {
	if cfg.CertFile == "" {
		host, _, _ := net.SplitHostPort(cfg.Addr)
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("the node at %q is on another machine: configure the file of its certificate (rpc.cert), "+
				"so that the password does not travel in the clear", cfg.Addr)
		}
		return nil, nil
	}
	pem, err := os.ReadFile(cfg.CertFile)
	if err != nil {
		return nil, fmt.Errorf("certificate of the node: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate of the node: %s holds none", cfg.CertFile)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
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
	tip := info.Tip()
	if b.cfg.Params.Net != chaincfg.RegressionNetParams.Net && time.Since(tip.MedianTime) > staleTip {
		return fmt.Errorf("%w: it is still downloading the chain: block %d is from %s; wait until it is done",
			chain.ErrUnreachable, tip.Height, tip.MedianTime.UTC().Format(time.DateOnly))
	}
	b.checked.Store(true)
	return nil
}

// note has the node checked again after it was lost.
func (b *Backend) note(err *error) {
	if errors.Is(*err, chain.ErrUnreachable) {
		b.checked.Store(false)
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

// Watch implements chain.Backend. It asks the node nothing but who it is.
func (b *Backend) Watch(ctx context.Context, branches []chain.Branch) (err error) {
	defer b.note(&err)
	added, err := b.scripts.Add(branches)
	if err != nil {
		return err
	}
	b.mempool.judgeAgain(added)
	return b.check(ctx)
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
	found, err := b.node.TxOut(ctx, out)
	if err != nil {
		return chain.TxOut{}, err
	}
	// btcd does not look for a spend in the mempool by itself.
	var spends []struct {
		SpendingTxID *chainhash.Hash
	}
	if err := b.node.Call(ctx, "gettxspendingprevout",
		[]any{[]any{map[string]any{"txid": out.Hash.String(), "vout": out.Index}}}, &spends); err != nil {
		return chain.TxOut{}, err
	}
	if len(spends) != 1 || spends[0].SpendingTxID != nil {
		return chain.TxOut{}, fmt.Errorf("%w: the mempool spends it", chain.ErrNoTxOut)
	}
	return found, nil
}

// HasTxOut implements chain.InChain.
func (b *Backend) HasTxOut(ctx context.Context, out wire.OutPoint) (_ bool, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return false, err
	}
	return b.node.HasTxOut(ctx, out)
}
