// Package channels makes message channels of their descriptions: the one place
// that knows which types there are.
package channels

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/irc"
	"github.com/joinmarket-go/joinmarket/daemon/onion"
	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/internal/logs"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Config is what all channels have in common. Its zero value will do.
type Config struct {
	// Counts gets what is dropped; nil counts nothing.
	Counts *count.Set
	// Tor takes the place of a Tor that a channel names and that is not there;
	// nil: none does.
	Tor *tor.Access
	// Logger for what happens to connections; nil means silent.
	Logger *slog.Logger
}

// maxStreams bounds the connections of one client's circuit to our onion service:
// a taker needs one (attack N13).
const maxStreams = 8

// Factory makes channels, not yet running; a daemon.NewChannel. Its error is
// about the description.
func Factory(cfg Config) func(control.ChannelConfig, protocol.Nick, string) (channel.Channel, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return func(ch control.ChannelConfig, nick protocol.Nick, network string) (channel.Channel, error) {
		log := cfg.Logger.With(logs.Part, ch.Type)
		switch ch.Type {
		case control.TypeIRC:
			return irc.New(irc.Config{ChannelConfig: ch, Nick: nick, Network: network, Counts: cfg.Counts, Logger: log, Tor: cfg.Tor}), nil
		case control.TypeOnion:
			serving, err := cfg.serving(ch, log)
			if err != nil {
				return nil, err
			}
			return onion.New(onion.Config{
				Name: ch.Name, Nick: nick, Network: network, Directories: ch.Directories, Loopback: ch.Loopback,
				Serving: serving, Dial: cfg.dialler(ch), Counts: cfg.Counts, Logger: log,
			}), nil
		}
		return nil, fmt.Errorf("its type %.40q is none of %s, %s", ch.Type, control.TypeIRC, control.TypeOnion)
	}
}

// dialler reaches locations through Tor, or only those of this machine in the
// testing mode.
func (cfg Config) dialler(ch control.ChannelConfig) func(ctx context.Context, identity, address string) (net.Conn, error) {
	switch {
	case ch.Loopback:
		return func(ctx context.Context, _, address string) (net.Conn, error) { return tor.Direct(ctx, address) }
	case cfg.Tor != nil:
		return func(ctx context.Context, identity, address string) (net.Conn, error) {
			return cfg.Tor.Dial(ctx, ch.SOCKS5, identity, address)
		}
	}
	return tor.Dialer{SOCKS: ch.SOCKS5}.Dial
}

// serving is how a maker is reached; nil if it does not want to be.
func (cfg Config) serving(ch control.ChannelConfig, log *slog.Logger) (*onion.Serving, error) {
	if ch.Serving == "" {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(ch.Serving)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("serving on %q: want an address of this machine alone, such as 127.0.0.1:0", ch.Serving)
	}
	if ch.Loopback {
		return &onion.Serving{Listen: ch.Serving}, nil
	}
	if ch.OnionAddress != "" {
		return &onion.Serving{Listen: ch.Serving, Publish: func(context.Context, net.Addr) (onion.Service, error) {
			return made(ch.OnionAddress), nil
		}}, nil
	}
	var key *tor.Key // nil: Tor makes one, which nobody keeps
	if ch.OnionKey != "" {
		seed, err := hex.DecodeString(string(ch.OnionKey))
		if err != nil {
			return nil, fmt.Errorf("the key of its onion service: %w", err)
		}
		if key, err = tor.KeyOf(seed); err != nil {
			return nil, err
		}
	}
	publish := tor.Publish
	if cfg.Tor != nil {
		publish = cfg.Tor.Publish
	}
	return &onion.Serving{Listen: ch.Serving, Publish: func(ctx context.Context, local net.Addr) (onion.Service, error) {
		s, err := publish(ctx, tor.ServiceConfig{Control: ch.TorControl, Key: key, Target: local.String(), MaxStreams: maxStreams, Logger: log})
		if err != nil {
			return nil, err
		}
		return s, nil
	}}, nil
}

// made is an onion service that Tor has by its own configuration.
type made string

func (m made) Address() string       { return string(m) }
func (m made) Done() <-chan struct{} { return nil }
func (m made) Close() error          { return nil }
