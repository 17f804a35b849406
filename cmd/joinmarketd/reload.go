package main

import (
	"context"
	"os"
	"os/signal"
	"reflect"
	"syscall"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/internal/config"
)

// reloader reads the configuration again at SIGHUP.
type reloader struct {
	o   options
	set *settings
	d   *daemon.Daemon
}

func (r reloader) run(ctx context.Context) error {
	return onHangup(ctx, func() {
		if err := r.reload(); err != nil {
			r.set.log.Error(config.FileName+" not read again", "err", err)
		}
	})
}

// onHangup does something at each SIGHUP until ctx ends.
func onHangup(ctx context.Context, do func()) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			do()
		}
	}
}

// reload takes over what can change in a running daemon: the levels of the log,
// and the channels of clients that come. Of all else it says so. A file that
// cannot be used changes nothing.
func (r reloader) reload() error {
	cfg, err := r.o.read()
	if err != nil {
		return err
	}
	before := r.d.Channels()
	if err := r.d.SetChannels(cfg.Channels); err != nil {
		return err
	}
	if err := r.o.setLevels(r.set.levels, cfg); err != nil {
		r.d.SetChannels(before)
		return err
	}
	r.set.warn(cfg)
	was := r.set.cfg // what we began with
	for _, part := range []struct {
		name     string
		old, now any
	}{
		{"[DAEMON]", was.Daemon, cfg.Daemon},
		{"[LIMITS]", was.Limits, cfg.Limits},
		{"[TOR]", was.Tor, cfg.Tor},
		{"commitment_list_location", was.Policy.BlacklistFile, cfg.Policy.BlacklistFile},
	} {
		if !reflect.DeepEqual(part.old, part.now) {
			r.set.log.Warn("needs a restart to change", "key", part.name)
		}
	}
	r.set.log.Info(config.FileName+" read again", "channels", len(cfg.Channels))
	return nil
}
