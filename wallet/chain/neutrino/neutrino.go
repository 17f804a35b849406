// Package neutrino is the chain backend without a server: a light client in
// this process, which downloads headers and compact filters (BIP 157, BIP 158)
// from peers of the Bitcoin network, and the few blocks that the filters choose.
//
// No peer is told a script or a coin. What peers say is checked against the
// proof of work and against each other; who controls all of them can hide a
// payment, but not invent one in a block.
//
// A light client has no set of unspent outputs and no mempool. It knows the
// coins of the watched scripts and the transactions that it sent itself. Of
// everything else it says chain.ErrCannotVerify: it is of no use for CoinJoins,
// which need the coins of others checked. An unconfirmed payment from somebody
// else is not seen before it is in a block, fees are not estimated, and most
// peers do not say whether they accept a transaction.
package neutrino

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcwallet/walletdb"
	light "github.com/lightninglabs/neutrino"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/filters"
)

const (
	// DefaultPeers is how many peers to connect to where Config does not say.
	DefaultPeers = 8
	maxPeers     = 125
	// DefaultPatience is how long a call waits for the peers where Config does
	// not say.
	DefaultPatience = 30 * time.Second
)

// errClosed: the backend was closed while it was in use.
var errClosed = fmt.Errorf("%w: the light client is closed", chain.ErrUnreachable)

// Config says where to keep what, and whom to ask.
type Config struct {
	// Dir is the folder of the database, one for each network; it is made if it
	// is missing. It takes 120 bytes for each block of the chain and, on
	// mainnet, some 25 kB for each block since the birth of the wallet. It also
	// has the watched scripts and their transactions: who can read it knows the
	// addresses of the wallets.
	Dir    string
	Params *chaincfg.Params
	// Peers are the only nodes to connect to, each as host or host:port; they
	// must serve compact filters to peers. Empty: peers are found through the
	// DNS seeds of the network and through other peers.
	Peers []string
	// MaxPeers is how many peers to find where Peers is empty, 1..125; 0 means
	// DefaultPeers. The library keeps it in a variable: it holds for all
	// backends of the process.
	MaxPeers int
	// Proxy is the host:port of a SOCKS5 server, such as Tor's, through which
	// all connections and all look-ups of names go. Empty: none.
	Proxy string
	// Patience is how long a call waits for a peer, and for the download of
	// headers to go on, before it says chain.ErrUnreachable; 0 means
	// DefaultPatience. As long as the download goes on, calls wait.
	Patience time.Duration
	// Logger is nil for silence.
	Logger *slog.Logger
}

// Backend is a light client. It implements chain.Backend.
type Backend struct {
	cfg     Config
	log     *slog.Logger
	db      walletdb.DB
	service *light.ChainService
	network *network
	watched filters.Watched
	peers   peers
	changes chan struct{}
	// download and searching are measured for Progress.
	download, searching chain.Meter
	unroute             func() // ends the library's messages to log

	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	followed chan struct{} // closed when follow has ended
	once     sync.Once     // guards Close

	// syncing has room for the one that searches the chain: only it changes the
	// record, apart from what was sent.
	syncing chan struct{}

	mu     sync.Mutex     // protects the fields below
	tasks  sync.WaitGroup // see spawn; grows no more once closed
	closed bool
	record record
	left   map[chainhash.Hash]chain.BlockID // parents of the blocks of branches that were left
}

var _ chain.Backend = (*Backend)(nil)

// New opens the database and begins to connect. It does not wait for peers: each
// method does, and works again when they come back. Close it after use.
//
// It returns ErrInUse if another process has the database open, and
// chain.ErrWrongNetwork if the database is of another network.
func New(cfg Config) (*Backend, error) {
	if cfg.Dir == "" || cfg.Params == nil {
		return nil, errors.New("the light client needs a folder and a network")
	}
	if cfg.MaxPeers < 0 || cfg.MaxPeers > maxPeers {
		return nil, fmt.Errorf("a light client has 1 to %d peers, not %d", maxPeers, cfg.MaxPeers)
	}
	cfg.Patience = cmp.Or(cfg.Patience, DefaultPatience)
	cfg.Peers = slices.Clone(cfg.Peers)
	for i, peer := range cfg.Peers {
		if _, _, err := net.SplitHostPort(peer); err != nil {
			cfg.Peers[i] = net.JoinHostPort(peer, cfg.Params.DefaultPort)
		}
		if host, _, _ := net.SplitHostPort(cfg.Peers[i]); strings.HasSuffix(host, ".onion") && cfg.Proxy == "" {
			return nil, fmt.Errorf("%s: %w", peer, errOnion)
		}
	}
	b := &Backend{
		cfg:      cfg,
		log:      cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
		changes:  make(chan struct{}, 1),
		followed: make(chan struct{}),
		syncing:  make(chan struct{}, 1),
		left:     make(map[chainhash.Hash]chain.BlockID),
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.unroute = routeLog(b.log)
	if err := b.open(); err != nil {
		b.stop()
		b.unroute()
		return nil, err
	}
	return b, nil
}

// open opens the database and starts the library.
func (b *Backend) open() (err error) {
	if b.db, b.record, err = openStore(b.cfg.Dir, b.cfg.Params); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.db.Close()
		}
	}()
	setMaxPeers(cmp.Or(b.cfg.MaxPeers, DefaultPeers))
	if b.network, err = newNetwork(b.ctx, b.cfg.Proxy); err != nil {
		return err
	}
	params := *b.cfg.Params
	if len(b.cfg.Peers) > 0 {
		params.DNSSeeds = nil // the library asks them all the same
	}
	b.service, err = light.NewChainService(light.Config{
		DataDir:      b.cfg.Dir,
		Database:     b.db,
		ChainParams:  params,
		ConnectPeers: b.cfg.Peers,
		Dialer:       b.network.dial,
		NameResolver: b.network.lookup,
		// When more scripts are watched, all filters are read again. A 32-bit
		// program has no room for them: the database is mapped into its memory.
		PersistToDisk: strconv.IntSize > 32,
	})
	if err != nil {
		return fmt.Errorf("the light client's database in %s: %w; if it is damaged, move it away: all is downloaded again", b.cfg.Dir, err)
	}
	if err := b.forgive(); err != nil {
		return err
	}
	if err := b.service.Start(b.ctx); err != nil {
		return fmt.Errorf("the light client: %w", err)
	}
	if err := b.startFollowing(); err != nil {
		b.service.Stop()
		return fmt.Errorf("the light client: %w", err)
	}
	return nil
}

var maxPeersLock sync.Mutex

// setMaxPeers tells the library how many peers to find.
func setMaxPeers(count int) {
	maxPeersLock.Lock()
	defer maxPeersLock.Unlock()
	if light.TargetOutbound != count {
		light.TargetOutbound = count
	}
}

// Close implements chain.Backend.
func (b *Backend) Close() (err error) {
	b.once.Do(func() {
		b.stop()
		<-b.followed
		err = b.service.Stop()
		b.mu.Lock()
		b.closed = true
		b.mu.Unlock()
		b.tasks.Wait()
		b.unroute()
		err = errors.Join(err, b.db.Close())
	})
	return err
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

// Watch implements chain.Backend. It asks no peer.
func (b *Backend) Watch(ctx context.Context, branches []chain.Branch) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err := b.watched.Add(branches)
	return err
}

// Tip implements chain.Backend. It waits while headers are downloaded, which
// takes minutes the first time; Progress tells how far it is.
func (b *Backend) Tip(ctx context.Context) (chain.Tip, error) { return b.ready(ctx) }
