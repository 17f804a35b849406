package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/amp"
	"github.com/joinmarket-go/joinmarket/daemon/channels"
	"github.com/joinmarket-go/joinmarket/daemon/control"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/metrics"
	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/logs"
	"github.com/joinmarket-go/joinmarket/internal/sdnotify"
)

// check finds mistakes in the flags.
func (o options) check() error {
	if o.limited && (o.maxClients < 1 || o.maxClients > maxClients) {
		return fmt.Errorf("%w: --max-clients %d: want 1 to %d", errUsage, o.maxClients, maxClients)
	}
	if o.amp == "" && (o.ampTLS || o.ampAnyHost) {
		return fmt.Errorf("%w: --amp-tls and --amp-any-host need --amp", errUsage)
	}
	return nil
}

// service is one of the things that a daemon does at a time, until ctx ends.
type service func(ctx context.Context) error

// serve runs the daemon until ctx ends.
func (o options) serve(ctx context.Context, out, errw io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	set, err := o.load(errw, "joinmarketd.log")
	if err != nil {
		return err
	}
	cfg, log := set.cfg, set.log
	at := o.address(cfg)
	bounds := daemon.Bounds(cfg.Limits)
	if o.limited {
		bounds.Clients = o.maxClients
	}
	listener, err := control.Listen(control.Config{
		Address: at.Address, CookieFile: at.CookieFile, CertFile: o.cert, KeyFile: o.key, MaxConns: 2 * bounds.Clients,
		SocketMode: cfg.Daemon.SocketMode, SocketGroup: cfg.Daemon.SocketGroup, Log: log.With(logs.Part, "control"),
	})
	if err != nil {
		return err
	}
	defer listener.Close()
	counts := new(count.Set)
	through := torAccess(cfg, log.With(logs.Part, "tor"))
	defer through.Close()
	d, err := daemon.New(daemon.Config{
		NewChannel:  channels.Factory(channels.Config{Counts: counts, Tor: through, Logger: log}),
		Channels:    cfg.Channels,
		Commitments: cfg.Policy.BlacklistFile,
		Bounds:      bounds,
		Version:     "joinmarketd " + version,
		Secret:      listener.Secret(),
		Grace:       cfg.Daemon.Grace,
		Counts:      counts,
		Logger:      log.With(logs.Part, "daemon"),
	})
	if err != nil {
		return err
	}
	defer d.Close()
	serving, cut := context.WithCancel(context.WithoutCancel(ctx)) // clients are served until the market is left
	defer cut()
	services := []service{
		func(ctx context.Context) error {
			return listener.Serve(ctx, logged(serving, log.With(logs.Part, "control"), d.Serve))
		},
		func(ctx context.Context) error {
			defer cut()
			leaveMarket(ctx, d, log.With(logs.Part, "daemon"))
			return nil
		},
		reloader{o, set, d}.run,
	}
	if o.amp != "" {
		python, err := o.listenAMP(cfg.Dir, log.With(logs.Part, "amp"))
		if err != nil {
			return err
		}
		defer python.Close()
		services = append(services, ampService(serving, python, amp.Config{Serve: d.Serve, Secret: listener.Secret(), Logger: log.With(logs.Part, "amp")}))
		fmt.Fprintf(out, "listening for Python clients on %s\n", python.Address())
	}
	if address := o.metricsAddress(cfg); address != "" {
		m, err := metrics.Listen(metrics.Config{Address: address, Status: d.Status, Counts: counts, Logger: log.With(logs.Part, "metrics")})
		if err != nil {
			return err
		}
		defer m.Close()
		services = append(services, m.Serve)
		fmt.Fprintf(out, "metrics on http://%s/metrics\n", m.Address())
	}
	fmt.Fprintf(out, "listening on %s\n", listener.Address())
	return together(ctx, append(services, beats{sdnotify.FromEnv(os.Getenv), healthy(d), log}.run))
}

// torAccess is the Tor of this process. A private one tells of its way in the log.
func torAccess(cfg config.Config, log *slog.Logger) *tor.Access {
	return tor.NewAccess(tor.AccessConfig{
		Start: cfg.Tor.Start, Folder: cfg.Tor.Folder, Program: cfg.Tor.Program,
		Password: cfg.Tor.Password, Controls: cfg.TorControls(), Logger: log,
		Progress: func(percent int, what string) {
			log.Info("the private Tor gets into the network", "percent", percent, "doing", what)
		},
	})
}

// healthy asks whether all sessions of a daemon answer.
func healthy(d *daemon.Daemon) func(context.Context) error {
	return func(ctx context.Context) error { return metrics.Healthy(d.Status(ctx)) }
}

// leaveMarket waits for the end of ctx and then has the daemon stop within
// finishWait.
func leaveMarket(ctx context.Context, d *daemon.Daemon, log *slog.Logger) {
	<-ctx.Done()
	log.Info("told to end", "within", endWait)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWait)
	defer cancel()
	d.Stop(ctx)
}

// ampService accepts Python clients, which are served until serving ends.
func ampService(serving context.Context, l *control.Listener, cfg amp.Config) service {
	return func(ctx context.Context) error {
		return l.Serve(ctx, logged(serving, cfg.Logger, func(ctx context.Context, nc net.Conn) error { return amp.Serve(ctx, nc, cfg) }))
	}
}

// logged serves a connection, until serving ends, and logs what went wrong.
func logged(serving context.Context, log *slog.Logger, serve func(context.Context, net.Conn) error) func(context.Context, net.Conn) {
	return func(_ context.Context, nc net.Conn) {
		if err := serve(serving, nc); err != nil {
			log.Warn("a client's connection broke", "err", err)
		}
	}
}

// together runs all until ctx ends or one fails, and returns when all have, with
// the first error.
func together(ctx context.Context, all []service) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(all))
	for _, f := range all {
		go func() { errs <- f(ctx) }()
	}
	var first error
	for range all {
		err := <-errs
		cancel()
		if first == nil {
			first = err
		}
	}
	return first
}
