package irc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// stableAfter is how long a link must have been up for its next trouble to be
// the first again.
const stableAfter = 2 * time.Minute

// Run connects and keeps connecting until ctx ends, then closes the connection
// without a word, as the reference does. It returns nil then, and ErrConfig or
// ErrNick when trying again would be in vain.
func (c *Channel) Run(ctx context.Context, sink func(channel.Event)) error {
	c.sink = sink
	sink(channel.State{State: control.ChannelConnecting})
	err := c.check()
	if err == nil {
		err = c.stayConnected(ctx)
	}
	c.board.enter(LinkEnded)
	if err != nil {
		reason := control.FreeText(c.hide(err.Error()))
		c.log.Warn("channel given up", "reason", reason)
		c.board.trouble(causeOf(err), reason)
		sink(channel.State{State: control.ChannelFailed, Reason: reason, Code: codeOf(err)})
	}
	return err
}

// codeOf is the code of an error that ended Run.
func codeOf(err error) string {
	if errors.Is(err, ErrConfig) {
		return ""
	}
	return string(causeOf(err))
}

// stayConnected makes one connection after the other until ctx ends or no server
// is left that takes our nick.
func (c *Channel) stayConnected(ctx context.Context) error {
	for {
		s := c.servers.next()
		c.servers.begin(s)
		lasted, err := c.connection(ctx, s)
		c.setOut(nil)
		if ctx.Err() != nil {
			return nil
		}
		cause := causeOf(err)
		if cause == CauseFlood {
			c.pace.flooded()
			c.board.complaint()
		}
		s.refused = cause == CauseNickRefused
		s.failed(cause, lasted)
		next := c.servers.next()
		if next == nil {
			return err
		}
		// Another server may be due at once, but not in no time.
		wait := max(time.Until(next.due), jitter(shortWait.first))
		if next == s {
			wait = time.Until(s.due)
		}
		c.down(cause, err.Error(), wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// down notes, and tells, that the link does not work and when it is tried again.
func (c *Channel) down(cause Cause, reason string, retryIn time.Duration) {
	state := control.ChannelConnecting
	if c.wasUp {
		state = control.ChannelLost
	}
	reason = control.FreeText(c.hide(reason))
	c.board.wait(cause, reason, time.Now().Add(retryIn))
	c.log.Info("channel not up", "code", cause, "reason", reason, "retry_in", retryIn.Round(time.Second))
	c.sink(channel.State{State: state, Reason: reason, Code: string(cause)})
}

// check refuses a configuration that cannot work, and reads the rest of it.
func (c *Channel) check() error {
	cfg := c.cfg
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	if !cfg.Nick.Valid() {
		return bad("nick: %w", protocol.ErrNick)
	}
	if len(c.room) < 2 || len(c.room) > 50 || !protocol.Printable(c.room) || strings.ContainsAny(c.room, " ,:") {
		return bad("%q is no room", c.room)
	}
	for _, address := range cfg.Servers() {
		s, ok := parseServer(address)
		switch {
		case !ok || !protocol.Printable(address):
			return bad("%q is no host and port", address)
		case cfg.SOCKS5 == "" && cfg.Dial == nil && isOnion(s.host):
			return bad("an onion host is reached through a SOCKS5 proxy only; set one")
		case (cfg.SASL == control.SASLPlain || cfg.Password != "") && !cfg.TLS && !isOnion(s.host) && !isLoopback(s.host):
			return bad("a password is sent to %s over TLS only; set usessl = true", s.host)
		}
		c.servers.servers = append(c.servers.servers, s)
	}
	c.servers.last = len(c.servers.servers) - 1
	switch {
	case cfg.SASL == control.SASLPlain && (cfg.SASLUser == "" || cfg.SASLPassword == ""):
		return bad("SASL plain needs a user and a password")
	case cfg.SASL == control.SASLExternal && (cfg.ClientCert == "" || !cfg.TLS):
		return bad("SASL external needs TLS and a client certificate")
	}
	var err error
	if c.tls, err = newTLSSettings(cfg.ChannelConfig); err != nil {
		return bad("%w", err)
	}
	return nil
}

// isOnion reports whether a host is an onion service, whose address is its key.
func isOnion(host string) bool {
	return strings.HasSuffix(strings.ToLower(host), ".onion")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
