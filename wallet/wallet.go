// Package wallet keeps coins in mixdepths, hands out addresses that nobody got
// before, sets coins aside for sessions and signs with their keys. It knows
// nothing of a market.
//
// A Wallet follows a chain.Backend through Run. What it tells about coins is
// what the node said last; before the first answer it says ErrNotSynced rather
// than zero, and while the node is silent it shows the last state but sets no
// coins aside.
//
// On disk it keeps the seed and imported keys, the next index of every branch,
// the frozen coins and the labels; the transactions come from the node at every
// start. An index is on the disk before its address leaves this package.
package wallet

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Errors of a wallet, besides those of packages store and coins. None names a
// coin, so that they may be logged.
var (
	// ErrNotSynced: the node has not told the present state, so the coins are
	// not known.
	ErrNotSynced = errors.New("the wallet is not synchronised with the node; wait, or check the node")
	// ErrOffline: the wallet was opened without a chain backend.
	ErrOffline = errors.New("the wallet is open without a connection to a node")
	// ErrNetwork: the file belongs to another network than the configuration.
	ErrNetwork = errors.New("the wallet is for another network")
	// ErrMixdepth: there is no such mixdepth or branch.
	ErrMixdepth = errors.New("no such mixdepth or branch in this wallet")
	// ErrNotOurs: a coin is not (or no longer) an unspent coin of this wallet,
	// or is described wrongly.
	ErrNotOurs = errors.New("not an unspent coin of this wallet")
	// ErrFrozen: a frozen coin is not spent.
	ErrFrozen = errors.New("the coin is frozen; thaw it first")
	// ErrInputs: a transaction does not spend exactly the coins named.
	ErrInputs = errors.New("the transaction does not spend exactly the coins of this wallet that it should")
)

// Bounds and defaults.
const (
	// MaxMixdepths bounds the mixdepths of a wallet.
	MaxMixdepths = 100
	// DefaultGapLimit is how many unused external addresses in a row end the
	// search for used ones.
	DefaultGapLimit = 20
	// DefaultInternalGapLimit is the same for internal addresses, many of which
	// go to peers that never use them.
	DefaultInternalGapLimit = 100
	maxGapLimit             = 100_000
)

// Config is what a wallet needs besides its file.
type Config struct {
	// Params is the network; required.
	Params *chaincfg.Params
	// Chain is the node; the caller closes it after the wallet. nil: the wallet
	// is offline and knows no coins.
	Chain chain.Backend
	// Logger; nil: silent.
	Logger *slog.Logger
	// Type is that of the addresses of a new wallet: txbuild.P2PKH, P2SH (nested
	// P2WPKH) or P2WPKH, which alone can take part in CoinJoins and has fidelity
	// bonds; empty: P2WPKH. An existing wallet keeps its type.
	Type txbuild.ScriptType
	// Mixdepths of a new wallet, 1..MaxMixdepths; 0: keys.DefaultMixdepths, or 1
	// for a watch-only wallet, which has no other. An existing wallet keeps its
	// number.
	Mixdepths int
	// GapLimit and InternalGapLimit are the numbers of unused addresses in a row
	// after which no more used ones are expected on an external and an internal
	// branch, 1..100000; 0: DefaultGapLimit and DefaultInternalGapLimit.
	GapLimit, InternalGapLimit int
	// RecoveryGap, 0..100000, stands for the two gap limits where it is larger,
	// until the past of a wallet was fetched completely once, as after it was
	// restored from its words. For Create it says that the seed has a past. 0:
	// it is not used.
	RecoveryGap int
	// MaxFreezeReuse is the value in sat up to which a coin is frozen by itself
	// when it comes to an address that was paid before; 0: every value, -1: no
	// coin.
	MaxFreezeReuse sats.Amount
	// Selection is how Reserve chooses coins; empty: coins.Default.
	Selection coins.Algorithm
	// KDF of a new file, and of a new password; zero: store.DefaultKDF.
	KDF store.KDF
	// Files is where the wallet file is written; nil: the operating system.
	Files durable.System
	// MakerOnly keeps the wallet from whatever a maker does not need: it signs
	// CoinJoins that leave it no poorer, keys of sessions and certificates of its
	// bonds, whoever asks. Everything else that needs a key, or sends, is
	// ErrMakerOnly.
	MakerOnly bool
}

// Wallet is an open wallet. It is safe for use from several goroutines.
//
// Locks are taken in the order of the fields; none is held during a call of
// the backend except syncing.
type Wallet struct {
	cfg    Config
	log    *slog.Logger
	seed   keys.Seed
	grow   chan struct{} // tells Run that more addresses are to be watched
	leases coins.Leases

	syncing sync.Mutex    // held during a synchronisation; protects the next fields
	told    bool          // the backend knows what is to be watched
	looked  chain.BlockID // the tip at which inputs of pending transactions were looked for
	rescan  bool          // the backend watches addresses whose past was not fetched yet

	storing sync.Mutex // held while the state of the chain is written; protects the next field
	stored  stored

	saving sync.Mutex // held while the file is written; protects the next fields
	file   *store.File
	older  secret.Bytes // the state as an older version wrote it, until a backup has it

	mu      sync.RWMutex         // protects the fields below
	tree    *keys.Tree           // nil after Close
	state   state                // as on the disk; changed with saving held too
	watched counts               // addresses that the backend watches; changed with syncing held too
	paths   map[string]keys.Path // by script, of the watched addresses
	scripts map[keys.Path][]byte // the other way round
	view    *view                // nil before the first synchronisation
	fresh   bool                 // the last attempt to synchronise succeeded
	// recovery is what is known while the past was never fetched completely; nil
	// otherwise.
	recovery *Recovery
	subs     map[chan struct{}]struct{}
}

// branchPair is a number for each branch, keys.External and keys.Internal.
type branchPair [2]uint32

// Create makes a new wallet file from a seed and opens it. On success the
// wallet owns the seed, and Close wipes it.
func Create(path string, password secret.Text, seed keys.Seed, cfg Config) (*Wallet, error) {
	st, err := newState(seed, cfg)
	if err != nil {
		return nil, err
	}
	w, err := create(path, password, seed, st, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.RecoveryGap == 0 {
		w.storeNew()
	}
	w.beginRecovery()
	return w, nil
}

// create makes a new wallet file and opens it.
func create(path string, password secret.Text, seed keys.Seed, st state, cfg Config) (*Wallet, error) {
	w, err := newWallet(seed, st, cfg)
	if err != nil {
		return nil, err
	}
	body, err := st.encode(seed, cfg.Params)
	if err != nil {
		return nil, err
	}
	defer clear(body)
	w.file, err = store.Create(path, password, body, store.Config{KDF: cfg.KDF, Files: cfg.Files})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Open opens an existing wallet file. No other process can open it until Close
// or the end of this one.
func Open(path string, password secret.Text, cfg Config) (*Wallet, error) {
	file, body, err := store.Open(path, password, store.Config{Files: cfg.Files})
	if err != nil {
		return nil, err
	}
	defer clear(body)
	w, err := fromBody(body, cfg)
	if err != nil {
		file.Close()
		return nil, err
	}
	w.file, w.older = file, olderBody(body)
	w.loadChain()
	w.holdAgain()
	w.beginRecovery()
	return w, nil
}

func fromBody(body []byte, cfg Config) (*Wallet, error) {
	seed, st, err := decodeBody(body, cfg.Params)
	if err != nil {
		return nil, err
	}
	return newWallet(seed, st, cfg)
}

func decodeBody(body []byte, params *chaincfg.Params) (keys.Seed, state, error) {
	if params == nil {
		return keys.Seed{}, state{}, errors.New("opening the wallet: no network given")
	}
	return decodeState(body, params)
}

// newWallet prepares everything but the file.
func newWallet(seed keys.Seed, st state, cfg Config) (*Wallet, error) {
	if cfg.Params == nil {
		return nil, errors.New("opening the wallet: no network given")
	}
	cfg.GapLimit = cmp.Or(cfg.GapLimit, DefaultGapLimit)
	cfg.InternalGapLimit = cmp.Or(cfg.InternalGapLimit, DefaultInternalGapLimit)
	for _, gap := range []int{cfg.GapLimit, cfg.InternalGapLimit} {
		if gap < 1 || gap > maxGapLimit {
			return nil, fmt.Errorf("a gap limit must be 1 to %d, not %d", maxGapLimit, gap)
		}
	}
	if cfg.RecoveryGap < 0 || cfg.RecoveryGap > maxGapLimit {
		return nil, fmt.Errorf("a recovery gap must be 0 to %d, not %d", maxGapLimit, cfg.RecoveryGap)
	}
	if _, err := cfg.Selection.Select(nil, 1); errors.Is(err, coins.ErrAlgorithm) {
		return nil, err
	}
	cfg.Mixdepths = len(st.next)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	tree, err := keys.NewTree(seed, st.kind, cfg.Params)
	if err != nil {
		return nil, err
	}
	for _, k := range st.imported {
		if err := tree.Import(k.path.Mixdepth, k.path.Index, k.key); err != nil {
			return nil, err
		}
	}
	w := &Wallet{
		cfg:     cfg,
		log:     cfg.Logger,
		seed:    seed,
		grow:    make(chan struct{}, 1),
		watched: make(counts),
		tree:    tree,
		state:   st,
		paths:   make(map[string]keys.Path),
		scripts: make(map[keys.Path][]byte),
		subs:    make(map[chan struct{}]struct{}),
	}
	w.leases.Changed = w.notify
	return w, nil
}

// Close gives up the file and wipes the keys. Run must have returned. The chain
// backend stays open.
func (w *Wallet) Close() error {
	if err := w.withTree(func(*keys.Tree) error { return nil }); err != nil {
		return err
	}
	w.keepLast()
	w.saving.Lock()
	defer w.saving.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tree == nil {
		return store.ErrClosed
	}
	w.tree.Wipe()
	w.tree = nil
	w.seed.Wipe()
	w.older.Wipe()
	return w.file.Close()
}

// withTree runs use while the keys cannot be wiped.
func (w *Wallet) withTree(use func(*keys.Tree) error) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.tree == nil {
		return store.ErrClosed
	}
	return use(w.tree)
}

// Type is that of the wallet's addresses.
func (w *Wallet) Type() txbuild.ScriptType {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.state.kind
}

// WatchOnly tells that the wallet has no private keys: it shows coins and hands
// out addresses, and whatever needs a key is keys.ErrWatchOnly.
func (w *Wallet) WatchOnly() bool { return w.seed.WatchOnly() }

// Mixdepths is the number of mixdepths, counted from 0.
func (w *Wallet) Mixdepths() int { return w.cfg.Mixdepths }

// Params is the network of the wallet.
func (w *Wallet) Params() *chaincfg.Params { return w.cfg.Params }

// Chain is the node that the wallet follows; nil when it is offline.
func (w *Wallet) Chain() chain.Backend { return w.cfg.Chain }

// Seed returns what restores the wallet; for showing it to the user on
// explicit demand. The error is ErrMakerOnly.
func (w *Wallet) Seed() (keys.Seed, error) {
	if err := w.forOwner(); err != nil {
		return keys.Seed{}, err
	}
	return w.seed, nil
}

// WithKeys runs use with all keys of the wallet, for what a user asks for
// explicitly: extended public keys, private keys, descriptors. use must not keep
// the tree, nor call the wallet. The error is that of use, store.ErrClosed or
// ErrMakerOnly.
func (w *Wallet) WithKeys(use func(*keys.Tree) error) error {
	if err := w.forOwner(); err != nil {
		return err
	}
	return w.withTree(use)
}

// Synced returns the end of the chain as of the last synchronisation, and
// whether the last attempt succeeded. The Tip is zero before the first one.
func (w *Wallet) Synced() (chain.Tip, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.view == nil {
		return chain.Tip{}, false
	}
	return w.view.tip, w.fresh
}
