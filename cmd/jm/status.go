package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	daemons "github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/internal/statustext"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const (
	// statusWait is how long a running daemon may take to answer.
	statusWait = 15 * time.Second
	// channelsWait is how long the channels are tried that no daemon is on yet.
	channelsWait = time.Minute
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether the market can be reached, and how",
		Long: `Show what the daemon is doing: its channels and why one is down, its clients and
conversations, and which limits were reached. A daemon inside jm has nothing to
tell before it is in the market: jm tries the channels, for a minute at most,
and shows what came of it. docs/operations.md says what to do about it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			status, err := a.askDaemon(cmd.Context(), a.daemonAddress() == "")
			if err != nil {
				return err
			}
			if a.json {
				return a.print(status)
			}
			_, err = fmt.Fprint(a.term.out, statustext.Of(status, time.Now()))
			return err
		},
	}
}

// askDaemon asks the daemon for its status; if try is set, when it has tried the
// channels.
func (a *app) askDaemon(ctx context.Context, try bool) (answer control.StatusAnswer, err error) {
	dial, stop, err := a.dialer()
	if err != nil {
		return answer, err
	}
	defer stop()
	if try {
		leave, err := a.tryChannels(ctx, dial)
		if err != nil {
			return answer, err
		}
		defer leave()
	}
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	answer, err = daemons.Ask(ctx, daemons.Dialer(dial), "jm "+version)
	return answer, withCode(exitDaemon, err)
}

// tryChannels enters the market to watch, and waits for the channels, whatever
// comes of it. leave ends that.
func (a *app) tryChannels(ctx context.Context, dial dialFunc) (leave func(), err error) {
	session, err := a.session(ctx, dial, control.RoleWatcher)
	if err != nil {
		return nil, err
	}
	a.term.waiting("trying the channels")
	defer a.term.waiting("")
	wait, cancel := context.WithTimeout(ctx, channelsWait)
	defer cancel()
	if err := session.Ready(wait); err != nil && wait.Err() == nil {
		session.Close()
		return nil, withCode(exitDaemon, err)
	}
	return func() { session.Close() }, ctx.Err()
}
