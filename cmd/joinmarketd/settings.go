package main

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/logs"
)

// parts are those of the program that have levels of their own in the log.
var parts = []string{"daemon", "irc", "onion", "tor", "control", "amp", "metrics", "directory"}

// settings are what the configuration says, and the log that follows it.
type settings struct {
	cfg    config.Config
	levels *logs.Levels
	log    *slog.Logger
}

// load reads the configuration and makes the logger, which writes to a file of that
// name too.
func (o options) load(errw io.Writer, file string) (*settings, error) {
	cfg, err := o.read()
	if err != nil {
		return nil, err
	}
	set := &settings{cfg: cfg, levels: new(logs.Levels)}
	if err := o.setLevels(set.levels, cfg); err != nil {
		return nil, err
	}
	set.log = logs.New(errw, set.levels, filepath.Join(cfg.Dir, "logs", file))
	set.warn(cfg)
	return set, nil
}

// read reads the configuration.
func (o options) read() (config.Config, error) {
	dir := o.dir
	if dir == "" {
		var err error
		if dir, err = config.DefaultDir(); err != nil {
			return config.Config{}, fmt.Errorf("finding the home folder: %w; name a data folder with --datadir", err)
		}
	}
	cfg, _, err := config.Load(dir)
	return cfg, err
}

// setLevels makes levels those of flags and configuration, or changes nothing.
func (o options) setLevels(levels *logs.Levels, cfg config.Config) error {
	own, err := logs.ParseParts(cfg.Logging.Parts, parts)
	if err != nil {
		return fmt.Errorf("%s: log_levels: %w", config.FileName, err)
	}
	text := cfg.Logging.Level
	if o.level != "" {
		text = o.level
	}
	level, err := logs.ParseLevel(text)
	if err != nil {
		return fmt.Errorf("%w: --log-level %q: want DEBUG, INFO, WARN or ERROR", errUsage, text)
	}
	levels.Set(level, own)
	return nil
}

func (s *settings) warn(cfg config.Config) {
	for _, w := range cfg.Warnings {
		s.log.Warn(config.FileName + ": " + w)
	}
}

// address is where clients find the daemon.
func (o options) address(cfg config.Config) control.Config {
	at := control.Config{Address: o.listen}
	if at.Address == "" {
		at.Address = cfg.Daemon.Address()
	}
	if strings.HasPrefix(at.Address, "tcp:") {
		at.CookieFile = cfg.Daemon.CookieFile
		if o.cookie != "" {
			at.CookieFile = o.cookie
		}
	}
	return at
}

// metricsAddress is empty when no metrics are wanted.
func (o options) metricsAddress(cfg config.Config) string {
	if o.metrics != "" {
		return o.metrics
	}
	return cfg.Daemon.Metrics
}
