// Package irc is one connection to an IRC server as a message channel: it
// registers and joins the market's room as the reference program does on the
// wire, cuts private messages into chunks, keeps to a pace, answers nothing that
// is not the market's, and connects again whenever the connection ends.
package irc

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Times of the reconnecting: the first wait, doubled by each failure up to the
// longest, and how long a connection must have been up to begin anew. Each wait
// is random around that value, so that a server that returns does not meet all
// its clients at once (attack N12).
const (
	firstBackoff = time.Second
	maxBackoff   = 5 * time.Minute
	stableAfter  = 2 * time.Minute
)

// Errors of Run: trying again cannot mend them.
var (
	// ErrConfig: the configuration cannot work.
	ErrConfig = errors.New("unusable IRC configuration")
	// ErrNick: the server does not take our nick, or changes it.
	ErrNick = errors.New("the IRC server does not take our nick")
)

// Config of one connection.
type Config struct {
	// ChannelConfig says which server and room. LineInterval: 0 means 1.3 s,
	// negative means none.
	control.ChannelConfig
	// Nick that we go by.
	Nick protocol.Nick
	// Network is mainnet, testnet, signet or regtest; it ends the room's name.
	Network string
	// Logger for what happens to the connection; nil means silent. No message
	// is ever logged.
	Logger *slog.Logger
	// RootCAs that may sign the server's certificate; nil means the system's.
	RootCAs *x509.CertPool
	// Dial takes the place of the network and the SOCKS5 proxy, for tests; nil
	// means the real ones.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Channel is a channel.Channel over one IRC connection at a time.
type Channel struct {
	cfg     Config
	log     *slog.Logger
	room    string
	circuit string // random; sets our streams apart from others in the proxy

	mu  sync.Mutex
	out *outbox // nil while the channel is not up
}

var _ channel.Channel = (*Channel)(nil)

// New builds a channel that does nothing until Run.
func New(cfg Config) *Channel {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if cfg.LineInterval == 0 {
		cfg.LineInterval = control.DefaultLineInterval
	}
	return &Channel{
		cfg:     cfg,
		log:     log.With("channel", cfg.Name),
		room:    roomName(cfg.Room, cfg.Network),
		circuit: rand.Text(),
	}
}

// roomName is the room's name on the wire: each Bitcoin network has its own room
// (protocol: IRC channel names).
func roomName(room, network string) string {
	switch network {
	case "testnet", "regtest":
		room += "-test"
	case "signet":
		room += "-sig"
	}
	return "#" + room
}

// Name is the configured name.
func (c *Channel) Name() string { return c.cfg.Name }

// SendPublic sends command groups to the room. It fails with channel.ErrDown,
// ErrFull, ErrTooLarge or ErrText.
func (c *Channel) SendPublic(groups []string) error {
	lines, err := publicLines(c.room, groups)
	if err != nil {
		return err
	}
	return c.push(lines, true)
}

// SendPrivate sends one message to a nick, in as many lines as it takes. Offers
// and what is handed on wait behind conversations, in which somebody waits; so
// does all that goes to the room. It fails with channel.ErrDown, ErrFull, ErrTooLarge or ErrText.
func (c *Channel) SendPrivate(to protocol.Nick, command, body string) error {
	lines, err := privateLines(to, command, body)
	if err != nil {
		return err
	}
	name := protocol.Command(command)
	return c.push(lines, name.Offer() || name == protocol.CmdHP2)
}

func (c *Channel) push(lines []string, later bool) error {
	c.mu.Lock()
	out := c.out
	c.mu.Unlock()
	if out == nil {
		return channel.ErrDown
	}
	return out.add(lines, later)
}

// setOut opens the send methods, or closes them with nil.
func (c *Channel) setOut(out *outbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = out
}

// Run connects and keeps connecting until ctx ends, then says QUIT. It returns
// nil then, and ErrConfig or ErrNick when trying again would be in vain.
func (c *Channel) Run(ctx context.Context, sink func(channel.Event)) error {
	sink(channel.State{State: control.ChannelConnecting})
	err := c.check()
	if err == nil {
		err = c.stayConnected(ctx, sink)
	}
	if err != nil {
		c.log.Warn("channel given up", "reason", control.FreeText(err.Error()))
		sink(channel.State{State: control.ChannelFailed, Reason: control.FreeText(err.Error())})
	}
	return err
}

// stayConnected makes one connection after the other until ctx ends or an error
// comes that the next one would meet as well.
func (c *Channel) stayConnected(ctx context.Context, sink func(channel.Event)) error {
	state := control.ChannelConnecting
	backoff := firstBackoff
	for {
		upSince, err := c.connection(ctx, sink)
		c.setOut(nil)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrNick) {
			return err
		}
		if !upSince.IsZero() {
			state = control.ChannelLost
			if time.Since(upSince) >= stableAfter {
				backoff = firstBackoff
			}
		}
		// Half of the wait to one and a half of it.
		wait := backoff/2 + random.N(backoff)
		backoff = min(2*backoff, maxBackoff)
		c.log.Info("no connection", "reason", control.FreeText(err.Error()), "retry_in", wait)
		sink(channel.State{State: state, Reason: control.FreeText(err.Error())})
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// check refuses a configuration that could not form its own lines.
func (c *Channel) check() error {
	switch {
	case !c.cfg.Nick.Valid():
		return fmt.Errorf("%w: nick: %w", ErrConfig, protocol.ErrNick)
	case c.cfg.Host == "" || c.cfg.Port == 0 || !protocol.Printable(c.cfg.Host):
		return fmt.Errorf("%w: it needs a host and a port", ErrConfig)
	case len(c.room) < 2 || len(c.room) > 50 || !protocol.Printable(c.room) || strings.ContainsAny(c.room, " ,:"):
		return fmt.Errorf("%w: %q is no room", ErrConfig, c.room)
	case c.cfg.SOCKS5 == "" && c.cfg.Dial == nil && strings.HasSuffix(strings.ToLower(c.cfg.Host), ".onion"):
		return fmt.Errorf("%w: an onion host is reached through a SOCKS5 proxy only; set one", ErrConfig)
	}
	return nil
}

// Factory makes channels of their descriptions; a daemon.NewChannel.
func Factory(log *slog.Logger) func(control.ChannelConfig, protocol.Nick, string) (channel.Channel, error) {
	return func(cfg control.ChannelConfig, nick protocol.Nick, network string) (channel.Channel, error) {
		return New(Config{ChannelConfig: cfg, Nick: nick, Network: network, Logger: log}), nil
	}
}
