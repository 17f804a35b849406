package main

import (
	"context"

	"github.com/joinmarket-go/joinmarket/daemon/directory"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/logs"
)

// directoryReloader reads the configuration of a directory again at SIGHUP.
type directoryReloader struct {
	o   directoryOptions
	set *settings
	d   *directory.Directory
}

func (r directoryReloader) run(ctx context.Context) error {
	return onHangup(ctx, func() {
		if err := r.reload(); err != nil {
			r.set.log.Error(config.FileName+" not read again", "err", err)
		}
	})
}

// reload takes over what can change in a running directory: the levels of the log,
// the text for everybody, and limits. Of all else it says so. A file that cannot
// be used changes nothing.
func (r directoryReloader) reload() error {
	cfg, err := r.o.read()
	if err != nil {
		return err
	}
	was := r.set.cfg // what we began with
	limits := directoryLimits(cfg)
	limits.Memory = directoryLimits(was).Memory
	if err := r.o.setLevels(new(logs.Levels), cfg); err != nil {
		return err
	}
	if err := r.d.Reload(motd(cfg), limits); err != nil {
		return err
	}
	r.o.setLevels(r.set.levels, cfg)
	r.set.warn(cfg)
	now := cfg.Directory
	now.MOTD, now.MaxPeers, now.PeersPerCircuit, now.BroadcastKiB = was.Directory.MOTD, was.Directory.MaxPeers, was.Directory.PeersPerCircuit, was.Directory.BroadcastKiB
	if now != was.Directory || cfg.Blockchain.Network != was.Blockchain.Network {
		r.set.log.Warn("needs a restart to change", "key", "[DIRECTORY]")
	}
	r.set.log.Info(config.FileName+" read again", "peers", limits.Peers)
	return nil
}
