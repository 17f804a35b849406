package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/sdnotify"
)

// beats tells systemd that we are ready, that we live as long as what we do is
// healthy, and that we end.
type beats struct {
	to      sdnotify.Socket
	healthy func(context.Context) error
	log     *slog.Logger
}

func (b beats) run(ctx context.Context) error {
	b.tell(sdnotify.Ready)
	defer b.tell(sdnotify.Stopping)
	var beat <-chan time.Time
	if every := b.to.Every(); every > 0 {
		t := time.NewTicker(every)
		defer t.Stop()
		beat = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat:
		}
		if err := b.healthy(ctx); err != nil {
			b.log.Error("no sign of life to systemd", "err", err)
			continue
		}
		b.tell(sdnotify.Alive)
	}
}

// tell does not end us when nobody listens: that is not our affair.
func (b beats) tell(word string) {
	if err := b.to.Tell(word); err != nil {
		b.log.Warn("systemd not told", "word", word, "err", err)
	}
}
