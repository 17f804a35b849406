// Package inprocess runs a daemon inside the client's process. It is the one
// place where client meets daemon: the two still speak the control protocol,
// over a pipe in memory, so that nothing listens and nothing is trusted that
// would not be trusted of a daemon elsewhere.
package inprocess

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Daemon is a daemon of our own.
type Daemon struct {
	daemon *daemon.Daemon
	secret control.Secret
	log    *slog.Logger

	mu      sync.Mutex // protects the fields below
	closed  bool
	serving sync.WaitGroup // of the pipes; none begins once closed
}

// New makes a daemon that does nothing until Dial. It must be closed.
func New(cfg daemon.Config) (*Daemon, error) {
	d, err := daemon.New(cfg)
	if err != nil {
		return nil, err
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Daemon{daemon: d, secret: cfg.Secret, log: log}, nil
}

// Dial connects to the daemon, as often as one likes, and tells its secret. The
// session lasts until the connection or the daemon is closed, whatever becomes
// of ctx. After Close the error is daemon.ErrClosed.
func (d *Daemon) Dial(ctx context.Context) (net.Conn, control.Secret, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, "", daemon.ErrClosed
	}
	ours, theirs := net.Pipe()
	d.serving.Go(func() {
		if err := d.daemon.Serve(context.WithoutCancel(ctx), theirs); err != nil {
			d.log.Warn("the session with our own daemon broke", "err", err)
		}
	})
	return ours, d.secret, nil
}

// Close ends all sessions and returns when everything the daemon started has
// ended.
func (d *Daemon) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	err := d.daemon.Close()
	d.serving.Wait()
	return err
}
