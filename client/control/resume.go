package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Waits between attempts to come back, doubled each time.
const (
	minWait = 100 * time.Millisecond
	maxWait = 5 * time.Second
)

// ErrMissed means that the session goes on at the daemon, but what it told was
// too much to be kept: nobody knows any more where the conversations stand.
var ErrMissed = errors.New("the daemon told more than it could keep")

// Run serves the session until it ends, by either side or by ctx, and then
// closes Events. It must be called once. It returns Err.
func (d *Daemon) Run(ctx context.Context) error {
	defer close(d.events)
	conn, _ := d.current()
	for over := d.serve(ctx, conn); over != nil; {
		<-over
		d.part(conn)
		if ctx.Err() != nil || !d.mayReturn(conn.Err()) {
			d.end(conn.Err())
			break
		}
		conn, over = d.comeBack(ctx, conn.Err())
	}
	return d.Err()
}

// serve runs a connection; over is closed when it is through.
func (d *Daemon) serve(ctx context.Context, conn *control.Conn) (over <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn.Run(ctx, questions{d, conn})
	}()
	return done
}

// mayReturn reports whether there is a session to come back to after a
// connection ended so. A daemon that says why has ended the session as well,
// unless we were too slow for it.
func (d *Daemon) mayReturn(why error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var told *control.Error
	if errors.As(why, &told) && told.Code != control.ErrSlow && told.Code != control.ErrTimeout {
		return false
	}
	return d.err == nil && d.resumption.Token != ""
}

// comeBack resumes the session on another connection. Without success it ends
// the session and returns nil.
func (d *Daemon) comeBack(running context.Context, why error) (*control.Conn, <-chan struct{}) {
	ctx, cancel := context.WithTimeout(running, d.grace())
	defer cancel()
	log := d.cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log.Warn("the connection with the daemon broke", "err", why)
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		// Between half of it and all, so that clients do not come back in step.
		select {
		case <-time.After(wait/2 + random.N(wait/2)):
		case <-d.ended:
			return nil, nil
		case <-ctx.Done():
			d.end(fmt.Errorf("the connection broke and there was no way back: %w", why))
			return nil, nil
		}
		conn, over, err := d.resume(running, ctx)
		if err == nil {
			log.Info("back at the daemon")
			return conn, over
		}
		if final(err) {
			d.end(err)
			return nil, nil
		}
		log.Debug("not back at the daemon yet", "err", err)
	}
}

// final reports whether trying again cannot help. A daemon that was started
// again may show an old cookie file for a moment, and one that is full may have
// room again.
func final(err error) bool {
	for _, code := range []error{control.ErrResume, control.ErrVersion, control.ErrBadRequest, control.ErrState, ErrMissed} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func (d *Daemon) grace() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.resumption.Grace
}

// resume dials and takes the session over, before ctx ends. The connection is
// served until running ends.
func (d *Daemon) resume(running, ctx context.Context) (_ *control.Conn, over <-chan struct{}, err error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	over = d.serve(running, conn)
	d.mu.Lock()
	r := control.ResumeRequest{Token: d.resumption.Token, Events: d.heard}
	d.mu.Unlock()
	var ans control.ResumeAnswer
	err = conn.CallAs(ctx, d.ids.Add(1), control.MethodResume, r, &ans)
	if err == nil {
		d.mu.Lock()
		d.resumption = ans.Resumption
		d.mu.Unlock()
		// This tells the daemon that we have the new token.
		err = conn.CallAs(ctx, d.ids.Add(1), control.MethodStatus, nil, nil)
	}
	if err == nil && ans.Missed > 0 {
		conn.CallAs(ctx, d.ids.Add(1), control.MethodLeave, nil, nil)
		err = fmt.Errorf("%w: %d events are lost", ErrMissed, ans.Missed)
	}
	if err != nil {
		conn.Close()
		<-over
		return nil, nil, err
	}
	if !d.adopt(conn) {
		d.leave(conn)
		<-over
		return nil, nil, control.ErrClosed
	}
	return conn, over, nil
}

// adopt makes a connection that of the session, unless the session has ended.
func (d *Daemon) adopt(conn *control.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return false
	}
	d.peer, d.conn = conn.Peer(), conn
	close(d.back)
	return true
}
