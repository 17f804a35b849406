package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// DefaultStartWait is what Config.StartWait is if nothing else is said.
const DefaultStartWait = 60 * time.Second

// ErrClosed means that the daemon was closed.
var ErrClosed = errors.New("daemon is closed")

// NewChannel makes a message channel of its description for a nick on a Bitcoin
// network (mainnet, testnet, signet or regtest), not yet running. Its error is
// shown to the client that asked for the channel.
type NewChannel func(cfg control.ChannelConfig, nick protocol.Nick, network string) (channel.Channel, error)

// Config is what a daemon is made of.
type Config struct {
	// NewChannel must be set.
	NewChannel NewChannel
	// Channels are joined for clients that name none; at most
	// control.MaxChannels, of different names. With none here, each client
	// must name its own.
	Channels []control.ChannelConfig
	// Commitments is the file of the used commitments; its folder must exist.
	// Empty keeps them in memory only, which is for tests: a maker's restart
	// would let every commitment be used again.
	Commitments string
	// Files is where they are written; nil is the operating system.
	Files durable.System
	// Version of the software, as clients see it: at most 64 printable ASCII
	// characters. Empty means "joinmarketd".
	Version string
	// Secret is demanded of every client; empty lets everybody in who can
	// reach a listener.
	Secret control.Secret
	// StartWait is how long after the first channel came up a session waits
	// for the others; 0 means DefaultStartWait.
	StartWait time.Duration
	// Limits overrides waits of conversations; those not in it are as in
	// exchange.DefaultLimits.
	Limits exchange.Limits
	// Bounds of what strangers, and clients, can have it do.
	Bounds Bounds
	// Grace is how long a session waits for a client whose connection broke; 0
	// means control.DefaultGrace, and control.MaxGrace is the most.
	Grace time.Duration
	// Counts gets what the daemon counts; nil means a set of its own.
	Counts *count.Set
	// Logger; nil is silent.
	Logger *slog.Logger
}

// Daemon serves clients.
type Daemon struct {
	cfg     Config
	log     *slog.Logger
	counts  *count.Set
	used    *commitment.List
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	since   time.Time
	present present

	mu      sync.Mutex // protects the fields below
	closed  bool
	clients int                 // that said hello
	serving sync.WaitGroup      // calls of Serve, and sessions; none begins once closed
	tokens  map[*session]tokens // of clients that may come back
	guesses rate.Bucket         // tokens of no session
}

// New checks cfg and reads the used commitments. The daemon does nothing before
// Serve, and must be closed.
func New(cfg Config) (*Daemon, error) {
	if cfg.NewChannel == nil {
		return nil, errors.New("daemon: Config.NewChannel is missing")
	}
	if err := checkDefaults(cfg.Channels); err != nil {
		return nil, err
	}
	if cfg.Version == "" {
		cfg.Version = "joinmarketd"
	}
	if cfg.StartWait == 0 {
		cfg.StartWait = DefaultStartWait
	}
	cfg.Bounds = cfg.Bounds.or(DefaultBounds)
	if cfg.Grace == 0 {
		cfg.Grace = control.DefaultGrace
	}
	if cfg.Grace < 0 || cfg.Grace > control.MaxGrace {
		return nil, fmt.Errorf("daemon: a grace time of %v: at most %v", cfg.Grace, control.MaxGrace)
	}
	limits := maps.Clone(exchange.DefaultLimits)
	maps.Copy(limits, cfg.Limits)
	cfg.Limits = limits
	if cfg.Counts == nil {
		cfg.Counts = new(count.Set)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	used, err := commitment.Open(commitment.Config{File: cfg.Commitments, MaxHeard: cfg.Bounds.Hearsay, Counts: cfg.Counts, Files: cfg.Files, Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Daemon{cfg: cfg, log: cfg.Logger, counts: cfg.Counts, used: used, ctx: ctx, cancel: cancel, since: time.Now(),
		tokens: make(map[*session]tokens), guesses: rate.New(guessRate)}, nil
}

// guessRate bounds the wrong tokens that a connection survives showing.
var guessRate = rate.Rate{Every: time.Second, Burst: 20}

// Serve serves the client at the other end of nc until it is gone, ctx ends or
// the daemon is closed, and until everything started for it has returned, but
// for a session that waits for its client (Config.Grace). It
// owns nc. It returns nil when the client closed the connection or the daemon
// was told to end it, otherwise what went wrong. It may be called any number of
// times at once.
func (d *Daemon) Serve(ctx context.Context, nc net.Conn) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		nc.Close()
		return ErrClosed
	}
	d.serving.Add(1)
	d.mu.Unlock()
	defer d.serving.Done()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()

	admitted, guest := false, false
	conn, err := control.Accept(ctx, nc, control.Config{
		Software: d.cfg.Version,
		Secret:   d.cfg.Secret,
		Features: []string{control.FeatureResume},
		Admit: func(h control.Hello) (err error) {
			guest, err = d.admit(h)
			admitted = err == nil
			return err
		},
		Log: d.log,
	})
	switch {
	case err == nil:
		o := newDoor(d, conn)
		s := o.to.Load()
		s.free = d.leave
		if guest {
			s.host()
		}
		err = o.open(ctx)
	case admitted:
		d.leave()
	}
	if errors.Is(err, control.ErrClosed) || ctx.Err() != nil {
		return nil
	}
	if admitted {
		d.counts.Inc(count.ClientBroken)
	}
	return err
}

// admit counts a client that proved itself. One more than Bounds.Clients is a
// guest if it may be one of those that are waited for, which have places.
func (d *Daemon) admit(h control.Hello) (guest bool, err error) {
	if d.present.stopped() {
		return false, errStops
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clients >= d.cfg.Bounds.Clients {
		guest = h.Has(control.FeatureResume) && len(d.tokens) > 0 && d.clients < 2*d.cfg.Bounds.Clients
		if !guest {
			d.counts.Inc(count.LimitClients)
			return false, fmt.Errorf("%w: %d clients are connected to this daemon", control.ErrLimit, d.clients)
		}
	}
	d.clients++
	d.counts.Inc(count.ClientServed)
	return guest, nil
}

// full reports whether there are more clients than may enter the market.
func (d *Daemon) full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clients > d.cfg.Bounds.Clients
}

func (d *Daemon) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients--
}

// connected is the number of clients.
func (d *Daemon) connected() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clients
}

// Close ends all sessions, waits for them, and closes the files. Serve fails
// with ErrClosed afterwards. Closing again does nothing.
func (d *Daemon) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.serving.Wait()
	return d.used.Close()
}
