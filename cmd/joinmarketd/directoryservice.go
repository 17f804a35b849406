package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// republishWait is how long to wait between attempts to have the onion service
// made anew.
const republishWait = 15 * time.Second

// maxStreams bounds the connections of one circuit of Tor.
const maxStreams = 16

// publish has Tor make the onion service, if that is wanted, and returns what keeps
// it, and where it is. Otherwise Tor's own configuration makes it.
func (o directoryOptions) publish(ctx context.Context, cfg config.Config, listens string, log *slog.Logger) (service, onion.Location, error) {
	idle := func(ctx context.Context) error { <-ctx.Done(); return nil }
	location, err := o.locationOf(cfg, listens)
	if err != nil || !cfg.Directory.Publish || o.testing {
		return idle, location, err
	}
	key, err := tor.KeptKey(cfg.Directory.ServiceDir)
	if err != nil {
		return nil, "", fmt.Errorf("the key of the onion service: %w", err)
	}
	location = onion.Location(fmt.Sprintf("%s:%d", key.Address(), onion.Port))
	make := func(ctx context.Context) (*tor.Service, error) {
		return tor.Publish(ctx, tor.ServiceConfig{Control: cfg.Directory.TorControl, Password: cfg.Tor.Password, Key: key,
			Target: strings.TrimPrefix(listens, "tcp:"), MaxStreams: maxStreams, Logger: log})
	}
	s, err := make(ctx)
	if err != nil {
		return nil, "", err
	}
	return func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return s.Close()
			case <-s.Done():
			}
			log.Warn("the onion service is gone; it is made anew")
			for {
				var err error
				if s, err = make(ctx); err == nil {
					log.Info("the onion service is back")
					break
				}
				if ctx.Err() != nil {
					return nil
				}
				log.Warn("the onion service is not made anew", "err", err)
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(republishWait):
				}
			}
		}
	}, location, nil
}
