// Package onion is the onion message channel: connections to directories, which
// pass lines on, and direct ones to makers, all of them one channel. It answers
// nothing that is not the market's, believes no directory more than it must, and
// connects again whatever breaks.
package onion

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// ErrConfig is an error of Run: the configuration cannot work.
var ErrConfig = errors.New("unusable configuration of the onion channel")

// MaxDirectories is how many directories a channel may have.
const MaxDirectories = control.MaxDirectories

// Config of the channel.
type Config struct {
	// Name of the channel, as configured.
	Name string
	// Nick that we go by.
	Nick protocol.Nick
	// Network is mainnet, testnet, signet or regtest. Bots of others are not
	// talked to.
	Network string
	// Directories are the locations of 1 to MaxDirectories directories.
	Directories []string
	// Loopback is the testing mode without Tor: loopback addresses are
	// locations. Only tests may dial such.
	Loopback bool
	// Serving is how we can be reached directly, once Serve is called. Nil: we
	// cannot.
	Serving *Serving
	// Dial reaches a location. Connections of different identities must not
	// share circuits (attack N18). Required.
	Dial func(ctx context.Context, identity, address string) (net.Conn, error)
	// Counts gets what is dropped; nil counts nothing.
	Counts *count.Set
	// Logger for what happens to connections; nil means silent. No message is
	// ever logged.
	Logger *slog.Logger
}

// Serving is how we can be reached.
type Serving struct {
	// Listen is the loopback address to listen on; port 0 is any free one.
	Listen string
	// Publish makes an onion service that leads to the listener. With
	// Config.Loopback it is nil: the listener's own address is our location.
	Publish func(ctx context.Context, local net.Addr) (Service, error)
}

// Service is a published onion service.
type Service interface {
	// Address is the service's name: 56 characters and ".onion".
	Address() string
	// Done is closed when the service is no more.
	Done() <-chan struct{}
	Close() error
}

// Channel is a channel.Channel over connections to directories and makers.
type Channel struct {
	cfg     Config
	log     *slog.Logger
	circuit string // random; sets our streams apart from others in the proxy
	network string // as hellos call it

	mu     sync.Mutex // protects the fields below, and what they lead to
	room   *sync.Cond // on mu: queued is drained, or Run has ended
	queued []channel.Event
	wake   chan struct{} // has room for one; filled when something is queued
	// ctx is that of Run, nil before. tasks are goroutines that it waits for.
	ctx   context.Context
	tasks sync.WaitGroup

	serving     bool // we are a maker
	listening   bool // or were told to
	directories []*directory
	links       map[uint64]*link // of all connections that are up
	lastID      uint64           // of a link
	inbound     int              // connections, up or not
	outbound    int              // direct ones, dialled, up or not
	location    onion.Location   // ours

	ways    map[protocol.Nick]*way // where conversations are held
	found   map[protocol.Nick]onion.Location
	avoid   map[onion.Location]time.Time // not dialled before
	leaving map[protocol.Nick]leaving
	heard   repeats
	state   control.ChannelState
	hold    time.Time // up until then at least, while makers are sought
	asked   time.Time // when we last asked for the order book
	alerts  map[string]bool
	stats   stats
}

// stats are counted since New.
type stats struct {
	linesIn, linesOut, connections uint64
	since                          time.Time // of the state
	reason                         string    // why it is not up
}

var (
	_ channel.Channel  = (*Channel)(nil)
	_ channel.Reporter = (*Channel)(nil)
	_ channel.Paced    = (*Channel)(nil)
	_ channel.Flusher  = (*Channel)(nil)
	_ channel.Prover   = (*Channel)(nil)
	_ channel.Server   = (*Channel)(nil)
)

// New builds a channel that does nothing until Run.
func New(cfg Config) *Channel {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Channel{
		cfg:      cfg,
		log:      log.With("channel", cfg.Name),
		circuit:  rand.Text(),
		network:  onion.NetworkName(cfg.Network),
		wake:     make(chan struct{}, 1),
		links:    make(map[uint64]*link),
		location: onion.NotServing,
		ways:     make(map[protocol.Nick]*way),
		found:    make(map[protocol.Nick]onion.Location),
		leaving:  make(map[protocol.Nick]leaving),
		avoid:    make(map[onion.Location]time.Time),
		alerts:   make(map[string]bool),
		state:    control.ChannelConnecting,
		stats:    stats{since: time.Now()},
	}
	c.room = sync.NewCond(&c.mu)
	for _, address := range cfg.Directories {
		c.directories = append(c.directories, newDirectory(address))
	}
	return c
}

// check refuses a configuration that cannot work.
func (c *Channel) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	switch n := len(c.directories); {
	case !c.cfg.Nick.Valid():
		return bad("nick: %w", protocol.ErrNick)
	case n == 0 || n > MaxDirectories:
		return bad("%d directories; want 1 to %d", n, MaxDirectories)
	case c.cfg.Dial == nil:
		return bad("no dialler")
	}
	seen := map[string]bool{}
	for _, d := range c.directories {
		at, err := onion.ParseLocation(d.address, c.cfg.Loopback)
		if err != nil || !at.Serving() {
			return bad("directory %.80q: %w", d.address, onion.ErrLocation)
		}
		if seen[d.address] {
			return bad("directory %s stands there twice", d.address)
		}
		seen[d.address] = true
	}
	return nil
}

// Name is the configured name.
func (c *Channel) Name() string { return c.cfg.Name }

// LineInterval implements channel.Paced: lines leave at once.
func (c *Channel) LineInterval() time.Duration { return 0 }

// hello is what we say first on every connection; mu is held. It has no features:
// directories of joinmarket-ng tell those of a bot to everybody, and the reference
// then does not take in where the bot is.
func (c *Channel) hello() onion.Message {
	h := onion.ClientHello{Location: c.location, Nick: c.cfg.Nick, Network: c.network}
	return h.Message()
}
