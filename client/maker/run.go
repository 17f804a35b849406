package maker

import (
	"context"
	"errors"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Waits between sessions: doubled each time up to the limit.
const (
	minWait = time.Second
	maxWait = 2 * time.Minute
)

// workTime bounds the work on one event, which asks the node and the daemon.
const workTime = time.Minute

// Run makes offers until ctx ends, then returns nil. A lost session is opened
// again under a new nick. It returns an error only when trying again cannot
// help: the daemon speaks another version, refuses the secret or takes our
// requests for malformed. It can be called once.
func (m *Maker) Run(ctx context.Context) error {
	defer m.accepted.close()
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		ready, err := m.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, fatal := range []control.Code{control.ErrVersion, control.ErrUnauthorized, control.ErrBadRequest} {
			if errors.Is(err, fatal) {
				return err
			}
		}
		if ready {
			wait = minWait
		}
		// Up to half more, so that makers do not come back in step.
		next := wait + random.N(wait/2)
		m.log.Info("no session with the daemon", "err", err, "wait", next)
		m.cfg.Notify(Lost{Err: err, Wait: next})
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(next):
		}
	}
}

// session is one connection to the daemon, from its beginning to its end. ready
// reports whether the market could be used.
func (m *Maker) session(ctx context.Context) (ready bool, err error) {
	d, err := m.cfg.Connect(ctx, m.prover.prove)
	if err != nil {
		return false, err
	}
	defer d.Close()
	if err := d.Ready(ctx); err != nil {
		return false, err
	}
	m.published, m.former, m.withBond, m.talks = nil, nil, nil, make(map[uint64]*talk)
	defer func() {
		for id := range m.talks {
			m.end(id)
		}
	}()
	changes, cancel := m.cfg.Wallet.Subscribe()
	defer cancel()
	for {
		m.watch()
		if err := m.look(ctx, d); err != nil {
			return true, err
		}
		if err := m.events(ctx, d, changes); err != nil {
			return true, err
		}
	}
}

// events works off what the daemon tells until the wallet changes or offers are
// due.
func (m *Maker) events(ctx context.Context, d Daemon, changes <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changes:
			return nil
		case <-m.due:
			return m.redraw(ctx, d)
		case e, ok := <-d.Events():
			if !ok {
				return d.Err()
			}
			m.event(ctx, d, e)
		}
	}
}

func (m *Maker) event(ctx context.Context, d Daemon, e any) {
	ctx, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	switch e := e.(type) {
	case control.AuthEvent:
		m.auth(ctx, d, e)
	case control.TxEvent:
		m.tx(ctx, d, e)
	case control.PushEvent:
		m.push(ctx, e)
	case control.EndedEvent:
		m.ended(e)
	}
}
