package metrics

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/internal/prometheus"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Config is what the server of a daemon's metrics is made of.
type Config struct {
	// Address is as in prometheus.Config.
	Address string
	// Status is that of the daemon; it is asked for once at a time.
	Status func(context.Context) control.StatusAnswer
	// Counts are those of the daemon.
	Counts *count.Set
	// Logger; nil is silent.
	Logger *slog.Logger
}

// Listen takes the address, for /metrics, /healthz and /readyz of a daemon.
func Listen(cfg Config) (*prometheus.Server, error) {
	return prometheus.Listen(prometheus.Config{
		Address: cfg.Address,
		Metrics: func(ctx context.Context) []prometheus.Metric { return gather(&picture{cfg.Status(ctx), cfg.Counts}) },
		Healthy: func(ctx context.Context) error { return Healthy(cfg.Status(ctx)) },
		Ready:   func(ctx context.Context) error { return Ready(cfg.Status(ctx)) },
		Logger:  cfg.Logger,
	})
}

// Healthy tells whether a daemon works: all its sessions answer. If not, a
// restart is what helps.
func Healthy(a control.StatusAnswer) error {
	busy := 0
	for _, s := range a.Sessions {
		busy += truth(s.Busy)
	}
	if busy > 0 {
		return fmt.Errorf("%d of %d sessions do not answer", busy, len(a.Sessions))
	}
	return nil
}

// Ready tells whether a daemon has a way to the market: a channel of some session
// is up, or no client is in the market, so that none is wanted. If not, a restart
// does not help.
func Ready(a control.StatusAnswer) error {
	channels := 0
	for _, s := range a.Sessions {
		channels += len(s.Channels)
		for _, c := range s.Channels {
			if c.State == string(control.ChannelUp) {
				return nil
			}
		}
	}
	if len(a.Sessions) > 0 {
		return fmt.Errorf("none of %d channels is up", channels)
	}
	return nil
}
