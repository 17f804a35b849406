package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/joinmarket-go/joinmarket/client"
	daemons "github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channels"
	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// dialFunc reaches a daemon.
type dialFunc func(ctx context.Context) (net.Conn, control.Secret, error)

// dialer says how to reach the daemon that the flags and the configuration
// name. hangUp ends the daemon if it is our own.
func (a *app) dialer() (dial dialFunc, hangUp func(), err error) {
	if address := a.daemonAddress(); address != "" {
		at := daemons.Config{Address: address}
		if strings.HasPrefix(address, "tcp:") {
			at.CookieFile = a.cfg.Daemon.CookieFile
		}
		if a.cfg.Daemon.TLS {
			at.CAFile = a.cfg.Daemon.CertFile
		}
		return func(ctx context.Context) (net.Conn, control.Secret, error) { return daemons.Dial(ctx, at) }, func() {}, nil
	}
	through := a.torAccess()
	newChannel := a.channels
	if newChannel == nil {
		newChannel = channels.Factory(channels.Config{Tor: through, Logger: a.log})
	}
	own, err := inprocess.New(daemon.Config{
		NewChannel:  newChannel,
		Commitments: a.cfg.Policy.BlacklistFile,
		Bounds:      daemon.Bounds(a.cfg.Limits),
		Files:       a.files,
		Version:     "jm " + version,
		Logger:      a.log,
	})
	if err != nil {
		return nil, nil, withCode(exitDaemon, err)
	}
	return own.Dial, func() {
		own.Close()
		through.Close()
	}, nil
}

// torAccess is the Tor of a daemon inside this process.
func (a *app) torAccess() *tor.Access {
	cfg := a.cfg.Tor
	return tor.NewAccess(tor.AccessConfig{
		Start: cfg.Start, Folder: cfg.Folder, Program: cfg.Program, Password: cfg.Password, Controls: a.cfg.TorControls(), Logger: a.log,
		Progress: func(percent int, what string) {
			if percent == 100 {
				a.term.waiting("")
				return
			}
			a.term.waiting(fmt.Sprintf("a private Tor gets into the network: %d%% (%s)", percent, what))
		},
	})
}

// daemonAddress is where the daemon listens; empty for one inside this process.
func (a *app) daemonAddress() string {
	switch {
	case a.daemon == "inprocess", a.daemon == "" && a.cfg.Daemon.InProcess:
		return ""
	case a.daemon != "":
		return a.daemon
	}
	return a.cfg.Daemon.Address()
}

// session enters the market.
func (a *app) session(ctx context.Context, dial dialFunc, role control.Role) (*client.Session, error) {
	return a.enter(ctx, client.Config{Dial: dial, Role: role, Channels: a.cfg.Channels})
}

// enter enters the market as a configuration says, of which it fills in what is
// the same for all.
func (a *app) enter(ctx context.Context, cfg client.Config) (*client.Session, error) {
	if len(a.cfg.Channels) == 0 {
		return nil, fmt.Errorf("joinmarket.cfg has no [MESSAGING:...] section: there is no way to the market")
	}
	if cfg.Role == control.RoleMaker {
		var err error
		if cfg.Channels, err = a.withOnionService(cfg.Channels); err != nil {
			return nil, err
		}
	}
	cfg.Network, cfg.Software = a.networkName(), "jm "+version
	cfg.Progress, cfg.Alert, cfg.Logger = a.channelProgress, a.channelAlert, a.log
	session, err := client.Connect(ctx, cfg)
	if err != nil && ctx.Err() == nil {
		err = withCode(exitDaemon, err)
	}
	return session, err
}

// networkName is the network as the daemon understands it.
func (a *app) networkName() string {
	if a.cfg.Blockchain.Source == "regtest" {
		return "regtest"
	}
	return a.cfg.Blockchain.Network
}

func (a *app) channelProgress(e control.ChannelEvent) {
	switch {
	case e.State == control.ChannelUp:
		a.log.Info("channel is up", "channel", e.Channel)
	case e.Reason != "":
		a.term.say("%s: %s (%s)", e.Channel, e.Reason, cmp.Or(e.Code, string(e.State)))
	}
}

// channelAlert shows what the operators of a room tell everybody. It is no word
// of this program's authors.
func (a *app) channelAlert(e control.AlertEvent) {
	a.term.say("%s: the operators of the room say: %s", e.Channel, e.Text)
}

// connect enters the market and waits until it can be used. hangUp leaves it.
func (a *app) connect(ctx context.Context, role control.Role) (_ *client.Session, hangUp func(), err error) {
	dial, stopDaemon, err := a.dialer()
	if err != nil {
		return nil, nil, err
	}
	session, err := a.connectBy(ctx, dial, role)
	if err != nil {
		stopDaemon()
		return nil, nil, err
	}
	return session, func() {
		session.Close()
		stopDaemon()
	}, nil
}

// connectBy is connect with a daemon that others may use too.
func (a *app) connectBy(ctx context.Context, dial dialFunc, role control.Role) (*client.Session, error) {
	session, err := a.session(ctx, dial, role)
	if err != nil {
		return nil, err
	}
	a.term.waiting("connecting to the market")
	err = session.Ready(ctx)
	a.term.waiting("")
	if err != nil {
		session.Close()
		return nil, withCode(exitDaemon, err)
	}
	return session, nil
}
